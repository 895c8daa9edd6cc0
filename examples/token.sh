#!/bin/sh
# Makes a token to try the examples with, as an issuer would: token.sh KEY ISSUER SUBJECT AUDIENCE ROLE
# KEY is a file with an RSA private key; the token is good for an hour.
set -eu
text() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
signed=$(printf '{"alg":"RS256","typ":"at+jwt"}' | text).$(printf '{"iss":"%s","sub":"%s","aud":"%s","scope":"orders.read","realm_access":{"roles":["%s"]},"iat":%d,"exp":%d}' \
	"$2" "$3" "$4" "$5" "$(date +%s)" "$(($(date +%s) + 3600))" | text)
printf '%s.%s\n' "$signed" "$(printf %s "$signed" | openssl dgst -sha256 -sign "$1" -binary | text)"
