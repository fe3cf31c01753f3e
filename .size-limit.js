const gzipped = {
  path: 'dist/index.js',
  import: '*',
  gzip: true,
  modifyEsbuildConfig: (config) => ({ ...config, platform: 'node' }),
}

// What `import 'keyward'` costs a bundle, zod aside: our own code, and with the two other dependencies that it loads.
export default [
  { ...gzipped, name: 'own code', ignore: ['zod', 'lru-cache', 'ipaddr.js'], limit: '67 kB' },
  { ...gzipped, name: 'with lru-cache and ipaddr.js', ignore: ['zod'], limit: '77 kB' },
  { ...gzipped, path: 'dist/client.js', name: 'the client', limit: '5 kB' },
]
