package main

import (
	"strings"
)

// This file is documents with mistakes right beside secrets, and secrets in the place of something else.

// broken returns such documents by what is wrong with them. Each is good but for one thing.
func (c *cage) broken(good string) map[string]string {
	all := map[string]string{}
	secret := func(what string) string { return c.canary("in a broken document: " + what) }
	instead := func(what, old, with string) {
		text := strings.Replace(good, old, strings.ReplaceAll(with, "SECRET", secret(what)), 1)
		if text == good {
			c.t.Errorf("%s: the document has no %s", what, old)
		}
		all[what] = text
	}
	const key, basic, jwt = `api_key: { value: "${env.CANARY_KEY}" }`, "basic: { username: acme, password_hash: '", `secret: "${env.CANARY_HS}"`
	for what, with := range map[string]string{
		"a key that is a list": `api_key: { value: [ SECRET ] }`, "a key that is a map": `api_key: { value: { SECRET: SECRET } }`, "a key in the place of the settings": `api_key: SECRET`, "a misspelt setting": `api_key: { valeu: SECRET }`,
		"a key and a hash": `api_key: { value: SECRET, hash: "sha256:00" }`, "a hash that is none": `api_key: { hash: "sha256:SECRET" }`, "a hash without its name": `api_key: { hash: SECRET }`, "a key that is too long": `api_key: { value: "` + strings.Repeat("SECRET", 20) + `" }`,
		"a key that expires never": `api_key: { value: SECRET, expires: soon }`, "a misspelt kind": `api_kye: { value: SECRET }`, "a key twice": `api_key: { value: SECRET, value: SECRET }`, "a key that two have": `api_key: { value: SECRET } }, { api_key: { value: SECRET }`,
		"a key with a line end": `api_key: { value: "SECRET\nSECRET" }`, "a key with a tab": "api_key: { value: \"SECRET\tx\x01\" }", "a quote too few": `api_key: { value: "SECRET }`, "a key that is an expression": `api_key: { value: "${request.header('SECRET')}" }`,
		"an expression that is none": `api_key: { value: "${'SECRET' + }" }`, "a type that does not fit": `api_key: { value: "${1 + 'SECRET'}" }`, "a tag": `api_key: { value: !!int SECRET }`, "an anchor": `api_key: { value: *SECRET }`,
	} {
		instead(what, key, with)
	}
	hash := good[strings.Index(good, basic)+len(basic):]
	hash = hash[:strings.IndexByte(hash, '\'')]
	for what, with := range map[string]string{
		"a password in the place of its hash": "SECRET", "a hash that is cut off": "$2b$10$SECRET", "argon2id that is none": "$argon2id$v=19$m=1,t=1,p=1$SECRET$SECRET", "a hash of crypt": "$6$SECRET", "an apr1 hash": "$apr1$SECRET", "a hash with SHA": "{SHA}SECRET",
	} {
		instead(what, hash, with)
	}
	for what, with := range map[string]string{
		"a short secret": `secret: "SECRETx", algorithms: [HS512]`, "a secret that is a number": `secret: { a: SECRET }`, "a secret as a public key": `key: SECRET`, "a PEM that is none": `key: "-----BEGIN PUBLIC KEY-----\nSECRET\n-----END PUBLIC KEY-----\n"`,
		"a private key as a public one": `key: '{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"SECRET"}'`, "a symmetric JWK": `key: '{"kty":"oct","k":"SECRET"}'`, "a secret and a key": `secret: SECRETSECRET, key: SECRET`, "a URL with a password": `jwks_url: "https://user:SECRET@idp.test/jwks"`,
		"a secret for RS256": `secret: SECRETSECRET, algorithms: [RS256]`,
	} {
		instead(what, jwt, with)
	}
	instead("an issuer with a password", `issuer: "https://idp.test"`, `issuer: "https://user:SECRET@idp.test"`)
	instead("a target with a password", "http://127.0.0.1:1", "http://user:SECRET@127.0.0.1:1")
	instead("a target with a password and a bad port", "http://127.0.0.1:1", "http://user:SECRET@127.0.0.1:99999")
	instead("a target with a password and a scheme nobody knows", "http://127.0.0.1:1", "ftp://user:SECRET@127.0.0.1:1")
	instead("a token of the admin side with a role nobody knows", `role: admin, value: "${env.CANARY_ADMIN}"`, `role: boss, value: SECRET`)
	instead("a token's hash that is none", `role: admin, value: "${env.CANARY_ADMIN}"`, `role: admin, hash: SECRET`)
	instead("a token that is a list", `role: admin, value: "${env.CANARY_ADMIN}"`, `role: admin, value: [ SECRET ]`)
	instead("a file that is not there", `${file(\"key.txt\")}`, `${file(\"SECRET.txt\")}`)
	delete(c.secrets, "in a broken document: a file that is not there") // a name of a file is no secret
	for what, with := range map[string]string{
		"a secret for a listener": `- "${env.CANARY_KEY}"`, "a file for a listener": `- "${file(\"key.txt\")}"`, "a secret for a name of a host": `- { address: "127.0.0.1:0", hosts: [ "${env.CANARY_KEY} x" ] }`,
		"a secret for a boolean": `- { address: "127.0.0.1:0", redirect_to_https: "${env.CANARY_KEY}" }`,
	} {
		all[what] = strings.Replace(good, "listeners:\n", "listeners:\n  "+with+"\n", 1)
	}
	for what, with := range map[string]string{
		"a secret for a rate": `rate_limit: { rate: "${env.CANARY_KEY}" }`, "a secret for a duration": `timeout: "${file(\"key.txt\")}"`, "a secret for a size": `size_limit: "${env.CANARY_KEY}"`, "a secret for a network": `ip_filter: { deny: "${env.CANARY_KEY}" }`,
		"a secret for an origin": `cors: { origins: "${env.CANARY_KEY}" }`, "a secret for a policy": `use: "${env.CANARY_KEY}"`, "a secret for a field": `headers: { request: { set: { "${env.CANARY_KEY}": x } } }`, "a secret for a place": `api_key: { in: "${env.CANARY_KEY}" }`,
		"a rule that does not fit": `authorize: 'env.CANARY_KEY + 1'`, "a rule that is no rule": `authorize: 'env.CANARY_KEY'`, "a pattern of a secret": `authorize: 'request.path.matches(env.CANARY_KEY + "(")'`, "a file in a rule": `authorize: 'file("key.txt") == 1'`, "a secret for an issuer": `jwt: { issuer: "${env.CANARY_KEY}" }`,
	} {
		all[what] = strings.Replace(good, "/key/{rest...}\", policies: [ ", "/key/{rest...}\", policies: [ "+with+", ", 1)
	}
	all["a password file of passwords"] = strings.Replace(good, "htpasswd: users.htpasswd", "htpasswd: "+c.file("plain.htpasswd", "bob:"+secret("a line of htpasswd")+"\nal:{SHA}"+secret("a SHA line of htpasswd")+"\n"+secret("a line that is none")+"\n"), 1)
	all["a key file of something else"] = strings.Replace(good, "key_file: key.pem", "key_file: "+c.file("odd.pem", "-----BEGIN PRIVATE KEY-----\n"+secret("a file of a key")+"\n-----END PRIVATE KEY-----\n"), 1)
	all["a JWK set of something else"] = strings.Replace(good, jwt, "jwks_file: "+c.file("odd.json", `{"keys":[{"kty":"oct","k":"`+secret("a file of keys")+`"},`+secret("what is no JSON")+`]}`), 1)
	return all
}
