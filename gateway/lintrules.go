package gateway

import "sallyport/lint"

// The rules about policies and routes; those about limits, trust and upstreams stand in lintrulesmore.go. Codes are for ever: a rule that goes takes its
// code with it.

var (
	nobodyKnown = lint.Define(lint.Rule{Code: "SP101", Title: "A limit per consumer where nobody is known",
		Why:     "A policy counts per consumer or subject, but no policy before it finds out who sent the request. It counts by address then, so that all clients behind one address share a limit.",
		Do:      "Put authentication before it, on the route or on its api, or count per ip or header on purpose.",
		Example: "policies:\n  - rate_limit: { rate: 100/min, per: consumer }"})
	lateGuard = lint.Define(lint.Rule{Code: "SP102", Title: "A guard behind a limit",
		Why:     "Requests that the guard refuses have used up limits or places by then, so that who is kept out can keep others out as well.",
		Do:      "Put what refuses and costs least first: ip_filter, load_shed, authentication, then limits.",
		Example: "policies:\n  - rate_limit: 10/s\n  - ip_filter: { allow: 10.0.0.0/8 }"})
	twice = lint.Define(lint.Rule{Code: "SP103", Title: "The same policy twice",
		Why:     "A route runs two policies of one kind with the same settings, often since its api has it as well. A limit counts each request twice, all else is done for nothing.",
		Do:      "Remove one of the two.",
		Example: "apis:\n  - name: shop\n    policies: [{ rate_limit: 10/s }]\n    routes: [{ match: /, policies: [{ rate_limit: 10/s }], upstream: shop }]"})
	lateMirror = lint.Define(lint.Rule{Code: "SP104", Title: "A copy before a guard",
		Why:     "mirror copies requests that a policy behind it refuses: who may not come in gets through to the upstream of the copies.",
		Do:      "Put mirror behind everything that refuses.",
		Example: "policies:\n  - mirror: shadow\n  - ip_filter: { allow: 10.0.0.0/8 }"})
	talkedOut = lint.Define(lint.Rule{Code: "SP105", Title: "A guard that a client can talk itself out of",
		Why:     "Whether a policy that keeps requests out runs at all depends on a header, query parameter, cookie or the body, and these are for the client to choose.",
		Do:      "Make it depend on the path or the method, on what other policies found out, or match such requests by a route of their own that guards as well.",
		Example: "policies:\n  - ip_filter: { allow: 10.0.0.0/8 }\n    when: request.header(\"x-internal\") != \"1\""})
	constantCondition = lint.Define(lint.Rule{Code: "SP106", Title: "A condition that is always the same",
		Why:     "A when needs nothing of the request. One that is always false switches a policy or route off, one that is always true says nothing.",
		Do:      "Remove the condition, or what it stands at.",
		Example: "policies:\n  - rate_limit: 10/s\n    when: env(\"LIMITS\", \"off\") == \"on\""})
	ownWarning = lint.Define(lint.Rule{Code: "SP107", Title: "Settings that do not go together",
		Why:     "A policy or backend takes its settings, but says that one of them has no effect beside the others.",
		Do:      "Remove the setting that has no effect, or change the one that keeps it from having one.",
		Example: "rate_limit: { rate: 10/s, scope: local, on_store_error: deny }"})
	dryRun = lint.Define(lint.Rule{Code: "SP108", Severity: lint.Note, Title: "A policy that only counts",
		Why:     "With dry_run, or mode: report, a policy counts what it would refuse and lets it pass. That is meant for finding good settings, and easily forgotten.",
		Do:      "Look at sallyport_policy_denials_total with the reason dry_run, or at sallyport_policy_actions_total with the action reported, then have it act.",
		Example: "rate_limit: { rate: 10/s, dry_run: true }"})
	onPurpose = lint.Define(lint.Rule{Code: "SP109", Severity: lint.Note, Title: "Faults on purpose",
		Why:     "The policy fault delays requests or makes them fail.",
		Do:      "Remove it when the experiment is over.",
		Example: "fault: { delay: 100ms }"})
	faultsForAll = lint.Define(lint.Rule{Code: "SP110", Title: "Clients may ask for faults",
		Why:     "fault has header, so that whoever sends that field has requests delayed, refused or cut off, and holds on to places and connections meanwhile.",
		Do:      "Leave header out where clients are not your own, or put a when beside the policy that only your own meet.",
		Example: "policies:\n  - fault: { header: X-Fault }"})

	unusedUpstream = lint.Define(lint.Rule{Code: "SP201", Title: "An upstream that nobody uses",
		Why:     "No route, copy or other setting sends anything to it. Its targets may be asked for their health all the same.",
		Do:      "Remove it, or look for the route that should lead to it.",
		Example: "upstreams:\n  old: { targets: [http://10.0.0.9:80] }"})
	unusedPolicy = lint.Define(lint.Rule{Code: "SP202", Title: "A named policy that nobody uses",
		Why:     "It stands under policies, and no route or api has a use of it. If it is a guard, something may be open.",
		Do:      "Write use: NAME where it belongs, or remove it.",
		Example: "policies:\n  inside: { ip_filter: { allow: 10.0.0.0/8 } }"})
	unusedFunction = lint.Define(lint.Rule{Code: "SP206", Title: "A function that nobody uses",
		Why:     "No route leads to it. With min it has processes all the same.",
		Do:      "Remove it, or write function: NAME in the route that should lead to it.",
		Example: "functions:\n  old: { runtime: python, directory: functions/old, handler: app.handler }"})
	unboundMemory = lint.Define(lint.Rule{Code: "SP207", Title: "A function that may take all memory",
		Why:     "It has memory: none, so that nothing but the machine bounds what its processes hold; when that is used up, the system may end the gateway.",
		Do:      "Say how much memory a process may hold.",
		Example: "functions:\n  report: { runtime: python, directory: report, handler: app.handler, memory: none }"})
	emptyAPI = lint.Define(lint.Rule{Code: "SP203", Title: "An api without routes",
		Why:     "It does nothing. In a document of several files its routes may be missing.",
		Do:      "Give it routes, or remove it.",
		Example: "apis:\n  - { name: shop, base_path: /shop }"})
	unheardRoute = lint.Define(lint.Rule{Code: "SP204", Title: "A route whose host no listener serves",
		Why:     "Every listener has hosts, and none of them is that of the route, so that requests for it are answered 421 before routes are looked at.",
		Do:      "Add the host to a listener, or correct one of the two.",
		Example: "listeners: [{ address: \":443\", hosts: [www.example.com] }]\nroutes: [{ match: { path: /, hosts: api.example.com }, respond: {} }]"})
	nothingShare = lint.Define(lint.Rule{Code: "SP205", Severity: lint.Note, Title: "A share or weight of nothing",
		Why:     "An upstream of a split, or a target, gets no requests. That is how one is taken out of service by hand, and easily forgotten.",
		Do:      "Remove it, or give it a share again.",
		Example: "upstream: { split: { v1: 100, v2: 0 } }"})

	tooFewFiles = lint.Define(lint.Rule{Code: "SP901", Title: "More connections than files",
		Why:     "Every connection is an open file, and the process may not open as many as limits.connections allows. Clients would be turned away before that bound is reached.",
		Do:      "Raise the limit on open files (LimitNOFILE of systemd, ulimit -n), or lower the setting.",
		Example: "limits: { connections: 1000000 }"})
	excusesNothing = lint.Define(lint.Rule{Code: "SP902", Title: "An exception that excuses nothing",
		Why:     "lint.allow has an entry for a finding that there is not, or not there. It would hide a new one.",
		Do:      "Remove the entry, or correct where it applies.",
		Example: "lint: { allow: [{ code: SP402, at: upstream gone }] }"})
)
