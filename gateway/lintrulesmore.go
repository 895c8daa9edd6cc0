package gateway

import "sallyport/lint"

// The rules about limits, trust and upstreams; see lintrules.go.

var (
	endlessBody = lint.Define(lint.Rule{Code: "SP301", Title: "Bodies without end",
		Why:     "With limits.body_size none, clients may send as much as they like wherever a route does not say otherwise. Upstreams have to bear it.",
		Do:      "Keep a bound, and give single routes a larger one with size_limit.",
		Example: "limits: { body_size: none }"})
	endlessRoute = lint.Define(lint.Rule{Code: "SP302", Severity: lint.Note, Title: "A route that takes bodies without end",
		Why:     "size_limit none takes the bound of limits.body_size away. That is right for uploads of any size and for streams.",
		Do:      "Give a size if there is one that is enough.",
		Example: "policies: [{ size_limit: none }]"})
	endlessWait = lint.Define(lint.Rule{Code: "SP303", Title: "An upstream that is waited for without end",
		Why:     "Neither the upstream's timeouts nor a policy timeout bound how long an answer may take to begin. Requests pile up behind an upstream that hangs.",
		Do:      "Give timeouts.response_header or timeouts.total, or the policy timeout on the routes.",
		Example: "upstreams:\n  users: { targets: [http://10.0.0.1:80], timeouts: { response_header: none } }"})
	openRoutes = lint.Define(lint.Rule{Code: "SP304", Severity: lint.Note, Title: "Routes without a limit",
		Why:     "A listener is open to other machines, and routes lead to an upstream without authentication, address filter or limit. One client can use up what is there for all.",
		Do:      "Put a rate_limit per ip on the api; concurrency bounds what the upstream has to bear.",
		Example: "listeners: [\":80\"]\nroutes: [{ match: /, upstream: shop }]"})
	failsOpen = lint.Define(lint.Rule{Code: "SP305", Title: "A limit that fails open",
		Why:     "While the shared counters cannot be reached nothing is limited. Who can make them fail has no limit.",
		Do:      "Write on_store_error: local, which goes on counting in each gateway, or deny.",
		Example: "rate_limit: { rate: 10/s, on_store_error: allow }"})

	trustsAnybody = lint.Define(lint.Rule{Code: "SP401", Title: "Any certificate will do",
		Why:     "insecure_skip_verify takes whatever certificate a target shows, so that anybody on the way can be the target: read requests, credentials among them, and answer them.",
		Do:      "Give ca_file with the authority that the target's certificate is from, and server_name if it is for another name.",
		Example: "upstreams:\n  users: { targets: [https://10.0.0.1], tls: { insecure_skip_verify: true } }"})
	plainTarget = lint.Define(lint.Rule{Code: "SP402", Title: "In clear over the internet",
		Why:     "A target, or the endpoint of a function, is at a public address and spoken with by http, so that requests and answers can be read and changed on the way.",
		Do:      "Write https, or reach it by a network of your own.",
		Example: "upstreams:\n  users: { targets: [\"http://8.8.8.8\"] }"})
	plainName = lint.Define(lint.Rule{Code: "SP403", Severity: lint.Note, Title: "In clear to a name that may be anywhere",
		Why:     "A target, or the endpoint of a function, is spoken with by http, and its name does not tell whether it is in a network of your own.",
		Do:      "Write https if it is not.",
		Example: "upstreams:\n  users: { targets: [\"http://api.partner.io\"] }"})
	clearCredentials = lint.Define(lint.Rule{Code: "SP404", Title: "Credentials in clear",
		Why:     "Clients show keys, tokens or passwords at a listener that is open to other machines and has no TLS. Whoever sees the traffic has them.",
		Do:      "Give the listener tls, or, if TLS ends in a proxy in front, name that under trusted_proxies.",
		Example: "listeners: [\":80\"]\nroutes: [{ match: /, policies: [{ rate_limit: { rate: 10/s, per: \"header:Authorization\" } }], upstream: shop }]"})
	badCertificate = lint.Define(lint.Rule{Code: "SP405", Title: "A certificate that clients will refuse",
		Why:     "It has expired or is about to, is not valid yet, lacks part of its chain, or is weak.",
		Do:      "Renew it; its files are read again when they change.",
		Example: "listeners:\n  - { address: \":443\", tls: { certificates: [{ cert_file: old.pem, key_file: old.key }] } }"})
	hostWithoutCertificate = lint.Define(lint.Rule{Code: "SP406", Title: "A host without a certificate",
		Why:     "A listener serves a host that none of its certificates is for, so that clients refuse the one that they get.",
		Do:      "Add a certificate for the host, or take the host out.",
		Example: "listeners:\n  - { address: \":443\", hosts: [api.example.com], tls: { certificates: [{ cert_file: www.pem, key_file: www.key }] } }"})
	nowhereSecure = lint.Define(lint.Rule{Code: "SP407", Title: "A redirect to where nobody listens",
		Why:     "redirect_to_https sends clients to port 443, and no listener of the document has TLS.",
		Do:      "Add a listener with tls, or leave the redirect out if something else does it.",
		Example: "listeners: [{ address: \":80\", redirect_to_https: true }]"})
	everybodyTrusted = lint.Define(lint.Rule{Code: "SP408", Title: "Everybody is a trusted proxy",
		Why:     "The network of trusted proxies holds every address. Any client may say that it comes from any other, which makes address filters and limits per ip worth nothing, and logs wrong.",
		Do:      "Name the networks of the proxies in front of the gateway.",
		Example: "trusted_proxies: [0.0.0.0/0]"})
	identityPasses = lint.Define(lint.Rule{Code: "SP409", Title: "Clients may say who they are",
		Why:     "client_headers.pass lets a name through that servers behind a gateway take for its word about who the client is.",
		Do:      "Have the gateway say it, with the policy headers, from what authentication found out; or use another name.",
		Example: "client_headers: { pass: [X-User-Id] }"})
	rawGuarded = lint.Define(lint.Rule{Code: "SP410", Title: "Guards on paths that go out as they came",
		Why:     "With normalize off the upstream gets the path as the client wrote it, dot segments and encodings among it. It may read another path than the one that policies and routes saw.",
		Do:      "Leave normalize on, or put what needs it on an api of its own without guards by path.",
		Example: "apis:\n  - name: raw\n    normalize: off\n    routes: [{ match: \"/{path...}\", policies: [{ ip_filter: { allow: 10.0.0.0/8 } }], upstream: files }]"})
	secretInDocument = lint.Define(lint.Rule{Code: "SP411", Title: "A secret in the document",
		Why:     "A secret stands in the document as it is. Whoever may read the file, its copies and its history has it.",
		Do:      "Write ${env.NAME} or ${file('name')}, or for tokens of the admin listener their hash.",
		Example: "admin: { tokens: [{ name: ci, role: operator, value: 0123456789abcdef }] }"})
	guessableCookie = lint.Define(lint.Rule{Code: "SP412", Severity: lint.Note, Title: "A cookie by which targets can be guessed",
		Why:     "sticky has no secret, so that somebody who guesses the URL of a target can tell from the cookie that the guess is right.",
		Do:      "Give sticky.secret, the same on all gateways, from the environment.",
		Example: "upstreams:\n  users: { targets: [http://10.0.0.1:80], sticky: { cookie: route } }"})

	unsafeRetry = lint.Define(lint.Rule{Code: "SP501", Title: "Retries of what must not happen twice",
		Why:     "POST and PATCH may be sent again although the target has carried them out already: an order is placed twice.",
		Do:      "Leave them out of retry.methods; a call whose connection could not be made is tried again in any case, since nothing was sent.",
		Example: "retry: { methods: [GET, POST] }"})
	bigBudget = lint.Define(lint.Rule{Code: "SP502", Title: "Retries without bounds",
		Why:     "When a target fails under load, retries add to the load. With a budget over half of the calls they keep it down.",
		Do:      "Keep retry.budget at 20% or so.",
		Example: "retry: { attempts: 3, budget: 100% }"})
	noHealth = lint.Define(lint.Rule{Code: "SP503", Severity: lint.Note, Title: "Several targets and no health checks",
		Why:     "Targets that cannot be reached or break calls are found out by the calls themselves, and taken out. A target that answers wrongly, or is not ready yet, is not.",
		Do:      "Give health, with a path that tells whether the target can do its work.",
		Example: "upstreams:\n  users: { targets: [http://10.0.0.1:80, http://10.0.0.2:80] }"})
	neverOut = lint.Define(lint.Rule{Code: "SP504", Title: "Targets that are never taken out",
		Why:     "With outliers.max_ejected 0% a target that breaks every call goes on getting its share of them.",
		Do:      "Leave the setting out: half of the targets may be out, and the last one in service never is.",
		Example: "outliers: { max_ejected: 0% }"})
	neverComes = lint.Define(lint.Rule{Code: "SP505", Title: "A time that never comes",
		Why:     "A try may take longer than the whole call, so that the call has ended before a try is given up.",
		Do:      "Make retry.per_try_timeout shorter than timeouts.total, so that there is time for another try.",
		Example: "upstreams:\n  users: { targets: [http://10.0.0.1:80], timeouts: { total: 2s }, retry: { per_try_timeout: 5s } }"})
)
