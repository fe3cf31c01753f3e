/** Express 4 under its alias in package.json; for what tests use of it, the types of Express 5 do. */
declare module 'express4' {
  export { default } from 'express'
}
