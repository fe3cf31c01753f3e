/** Environment variable with the file in which test files note what they do not run. The global setup sets it. */
export const notRunVariable = 'KEYWARD_NOT_RUN'
