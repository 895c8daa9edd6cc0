package gateway

// composeCases are those of compositions, each in a document with one route.
var composeCases = func() (list []lintCase) {
	const front = "routes: [{ match: 'POST /x', compose: "
	for _, c := range []lintCase{
		{"", "{ calls: { x: { upstream: a } }, merge: [x] } }]", ""},
		{"SP221", "{ calls: { x: { upstream: a }, y: { upstream: a } }, merge: [x] } }]", ".calls.y"},
		{"", "{ calls: { x: { upstream: a }, y: { upstream: a, method: PUT } }, merge: [x] } }]", ""},
		{"SP222", "{ calls: { x: { upstream: a }, y: { upstream: a, when: 1 == 2 } }, merge: [x, y] } }]", ".calls.y.when"},
		{"SP222", "{ calls: { x: { upstream: a } }, views: [{ when: 'true', body: {} }], merge: [x] } }]", ".views[0].when"},
		{"SP223", "{ timeout: 1s, calls: { x: { upstream: a, timeout: 2s } }, merge: [x] } }]", ".calls.x.timeout"},
		{"SP223", "{ calls: { x: { upstream: a, timeout: 1s, retry: { per_try_timeout: 1s } } }, merge: [x] } }]", ".calls.x.retry.per_try_timeout"},
		{"", "{ calls: { x: { upstream: a, timeout: 1s, retry: { per_try_timeout: 400ms } } }, merge: [x] } }]", ""},
		{"SP224", "{ calls: { x: { upstream: a, on_error: omit }, y: { upstream: a, on_error: { default: 1 } } }, merge: [x, y] } }]", ".calls"},
		{"", "{ calls: { x: { upstream: a, on_error: omit } }, status: 'calls.x.ok ? 200 : 503', merge: [x] } }]", ""},
		{"SP308", "{ calls: { x: { upstream: a, for_each: '${request.body.ids}', path: '/${item}' } }, merge: [x] } }]", ".calls.x.for_each"},
		{"", "{ calls: { x: { upstream: a, for_each: '${request.body.ids}', max_items: 20, path: '/${item}' } }, merge: [x] } }]", ""},
		{"SP506", "{ calls: { x: { upstream: a, method: POST, retry: { methods: [GET, POST] } } }, merge: [x] } }]", ".calls.x.retry"},
		{"", "{ calls: { x: { upstream: a, retry: { methods: [GET, POST] } } }, merge: [x] } }]", ""},
		{"SP804", "{ calls: { x: { upstream: a } }, views: [{ when: 'request.header(\"x-client\") == \"mobile\"', body: {} }], merge: [x] } }]", ".views[0].when"},
		{"SP804", "{ calls: { x: { upstream: a } }, headers: { vary: Accept }, views: [{ when: 'request.cookies[\"c\"] == \"mobile\"', body: {} }], merge: [x] } }]", ".views[0].when"},
		{"", "{ calls: { x: { upstream: a } }, headers: { vary: [Accept, X-Client] }, views: [{ when: 'request.headers[\"x-client\"] == \"mobile\"', body: {} }], merge: [x] } }]", ""},
	} {
		if c.doc = front + c.doc; c.at != "" {
			c.at = "routes[0].compose" + c.at
		}
		list = append(list, c)
	}
	return list
}()
