package function

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"sallyport/schema"
)

// AWS is the settings of a function that runs in AWS.
type AWS struct {
	Function  string   `json:"function" required:"true" short:"true" max:"256" doc:"Its name, or its ARN, which says account and region as well; an alias or version may stand behind it, after a colon."`
	Region    string   `json:"region" default:"" doc:"Where it is, such as eu-central-1. It may be left out with an ARN."`
	Endpoint  *url.URL `json:"endpoint" enum:"https,http" doc:"Where Lambda's API is, for an emulator or a private endpoint: https://host, or http://host:port. That of the region when it is not given."`
	Qualifier string   `json:"qualifier" default:"" max:"128" doc:"Which version or alias is called; $LATEST when it is not given."`
	Stream    bool     `json:"stream" doc:"Whether its result is sent on as it comes, for functions that stream. Others answer as they would without it."`

	name string // of the API's path: the function without its qualifier
}

var (
	namedFunction = regexp.MustCompile(`^[A-Za-z0-9_-]{1,140}$`)
	namedVersion  = regexp.MustCompile(`^(\$LATEST(\.PUBLISHED)?|[A-Za-z0-9_-]{1,128})$`)
	namedAccount  = regexp.MustCompile(`^[0-9]{12}$`)
	namedRegion   = regexp.MustCompile(`^[a-z]{2,5}(-[a-z]+){1,3}-[0-9]{1,2}$`)
)

// Check judges the settings together.
func (a *AWS) Check() error {
	var errs []error
	wrong := func(setting, format string, args ...any) {
		errs = append(errs, schema.At(setting, fmt.Errorf(format, args...)))
	}
	name, region, qualifier, ok := cutFunction(a.Function)
	if !ok {
		wrong("function", "%q is no function; write a name such as orders, or an ARN such as arn:aws:lambda:eu-central-1:123456789012:function:orders", a.Function)
	}
	if qualifier != "" && a.Qualifier != "" {
		wrong("qualifier", "function ends with a qualifier as well, %s; keep one of the two", qualifier)
	}
	if region != "" && a.Region != "" && region != a.Region {
		wrong("region", "the ARN says that the function is in %s; leave region out", region)
	}
	if a.Qualifier != "" && !namedVersion.MatchString(a.Qualifier) {
		wrong("qualifier", "%q is no version or alias; write a number, such as 7, or the name of an alias, such as live", a.Qualifier)
	}
	if region == "" {
		region = a.Region
	}
	switch {
	case region == "" && ok:
		errs = append(errs, errors.New("it does not say where the function is; write region, such as region: eu-central-1, or the ARN of the function"))
	case a.Region != "" && !namedRegion.MatchString(a.Region):
		wrong("region", "%q is no region; write such as eu-central-1", a.Region)
	}
	if err := located(a.Endpoint); err != nil {
		errs = append(errs, schema.At("endpoint", err))
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	if a.name, a.Region = name, region; qualifier != "" {
		a.Qualifier = qualifier
	}
	return nil
}

// Target is what the Invoke API calls the function, without its qualifier.
func (a *AWS) Target() string { return a.name }

// cutFunction reads what functions are called by: NAME, ACCOUNT:function:NAME, or arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME, with
// :QUALIFIER behind any of them.
func cutFunction(text string) (name, region, qualifier string, ok bool) {
	parts := strings.Split(text, ":")
	at := 0 // of the name
	switch {
	case parts[0] == "arn":
		if at = 6; len(parts) < 7 || !strings.HasPrefix(parts[1], "aws") || parts[2] != "lambda" || !namedRegion.MatchString(parts[3]) || !namedAccount.MatchString(parts[4]) || parts[5] != "function" {
			return "", "", "", false
		}
		region = parts[3]
	case len(parts) > 2 && parts[1] == "function":
		if at = 2; !namedAccount.MatchString(parts[0]) {
			return "", "", "", false
		}
	}
	if !namedFunction.MatchString(parts[at]) || len(parts) > at+2 {
		return "", "", "", false
	}
	if len(parts) == at+2 {
		if qualifier = parts[at+1]; !namedVersion.MatchString(qualifier) {
			return "", "", "", false
		}
	}
	return strings.Join(parts[:at+1], ":"), region, qualifier, true
}

// located judges where the API is said to be.
func located(u *url.URL) error {
	switch {
	case u == nil:
	case u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		return errors.New("write where the API is, such as http://localhost:4566")
	case u.User != nil:
		return errors.New("no user and password may stand in it; requests are signed")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return errors.New("write scheme, host and port only, such as http://localhost:4566")
	}
	return nil
}
