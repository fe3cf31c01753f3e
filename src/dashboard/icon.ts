/** The mark of the house, as browsers show it on tabs. */
export const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect width="24" height="24" rx="6" fill="#3a54c9"/>' +
  '<g fill="none" stroke="#fff" stroke-width="2" stroke-linecap="round"><circle cx="9" cy="12" r="3.5"/>' +
  '<path d="M12.5 12H20M17 12v3"/></g></svg>'
