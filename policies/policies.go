// Package policies is the list of the policies that there are, in the order in which a route best has them.
package policies

import (
	"embed"
	"strings"

	"sallyport/plug"
	"sallyport/policies/anyof"
	"sallyport/policies/apikey"
	"sallyport/policies/authorize"
	"sallyport/policies/basicauth"
	"sallyport/policies/body"
	"sallyport/policies/concurrency"
	"sallyport/policies/cors"
	"sallyport/policies/csrf"
	"sallyport/policies/external"
	"sallyport/policies/fault"
	"sallyport/policies/forwardauth"
	"sallyport/policies/headers"
	"sallyport/policies/ipfilter"
	"sallyport/policies/jsonlimits"
	"sallyport/policies/jwt"
	"sallyport/policies/loadshed"
	"sallyport/policies/mirror"
	"sallyport/policies/ratelimit"
	"sallyport/policies/rewrite"
	"sallyport/policies/securityheaders"
	"sallyport/policies/sizelimit"
	"sallyport/policies/timeout"
	"sallyport/policies/validate"
	"sallyport/policies/xmljson"
	"sallyport/policy"
)

// All holds every policy: first what keeps requests out and costs least, last what changes them. To add a policy, add its
// folder and its line.
var All = []*plug.Kind[policy.Policy]{
	cors.Kind,
	loadshed.Kind,
	ipfilter.Kind,
	csrf.Kind,
	anyof.Kind,
	jwt.Kind,
	apikey.Kind,
	basicauth.Kind,
	forwardauth.Kind,
	authorize.Kind,
	ratelimit.Kind,
	concurrency.Kind,
	sizelimit.Kind,
	jsonlimits.Kind,
	validate.Kind,
	xmljson.Kind,
	body.Kind,
	external.Kind,
	timeout.Kind,
	fault.Kind,
	headers.Kind,
	securityheaders.Kind,
	rewrite.Kind,
	mirror.Kind,
}

//go:embed */*.txtar
var examples embed.FS

// Example returns the worked example of a policy, which is its test as well, "" when there is none of that name.
func Example(name string) string {
	folder := strings.ReplaceAll(name, "_", "")
	text, err := examples.ReadFile(folder + "/" + folder + ".txtar")
	if err != nil {
		return ""
	}
	return string(text)
}
