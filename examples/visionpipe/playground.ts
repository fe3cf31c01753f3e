/** The page that a session token opens. */
export function playground(name: string): string {
  return `<!doctype html>
<html lang="en">
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width">
  <title>VisionPipe playground</title>
  <h1>Playground</h1>
  <p>Signed in with the key ${escapeHtml(name)}.</p>
</html>
`
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
