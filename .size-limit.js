// What `import 'keyward'` costs a bundle, zod aside.
export default [
  {
    path: 'dist/index.js',
    import: '*',
    ignore: ['zod'],
    limit: '25 kB',
    gzip: true,
    modifyEsbuildConfig: (config) => ({ ...config, platform: 'node' }),
  },
]
