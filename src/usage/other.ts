/**
 * Name of what is counted together, because more names came than are kept apart. No key, route or app has it: a route must
 * not be called so, and an app that calls itself so is counted in quotation marks.
 */
export const OTHER = 'other'
