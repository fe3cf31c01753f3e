/** A certificate for localhost that nobody has signed, of no use elsewhere: until 2126. */
export const untrustedCertificate = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgpu3L8wQGyywnvfBa
uv2E5pHfuXoYmitfLcrFdFmXqtOhRANCAAReIylL9sgxtIAus09+BKe3kKT574pq
N12mrT6mqfRA9pk4g/3JZEDBMK9+P8aXU81lMxJzv54mnoo/KQjxU5f2
-----END PRIVATE KEY-----`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBfjCCASWgAwIBAgIUVBIHRLkfds2gusHQZplzYpgb1rwwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyODAzNTYxN1oYDzIxMjYxMTA0
MDM1NjE3WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAReIylL9sgxtIAus09+BKe3kKT574pqN12mrT6mqfRA9pk4g/3JZEDB
MK9+P8aXU81lMxJzv54mnoo/KQjxU5f2o1MwUTAdBgNVHQ4EFgQUikQ/9yU3jjb2
cqzq9Vnkwu3/FJYwHwYDVR0jBBgwFoAUikQ/9yU3jjb2cqzq9Vnkwu3/FJYwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiAp6qF61wboF4QitJLscWqR
b8qFJih+o/YvG/dNYc5RpwIgRwos76vlk0+Q3bngu7Ap3Cw8w7PSZtjp2GXPaekm
frI=
-----END CERTIFICATE-----`,
}
