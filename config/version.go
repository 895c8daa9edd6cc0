package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"sallyport/identity"
	"sallyport/route"
	"sallyport/schema"
	"sallyport/wire"
)

// This file declares versions of an api; expand.go makes of them what the rest of the gateway knows: sets of routes.

// Versioning is where requests name a version of an api.
type Versioning struct {
	In      string `json:"in" required:"true" enum:"path,header,query,media_type,host" doc:"Where the version stands: in the path behind base_path, in a header, a query parameter, a media type (Accept and Content-Type), or the host."`
	Name    string `json:"name" default:"" doc:"The header or query parameter; of media_type a parameter (version by default) or a pattern such as application/vnd.shop.{version}+json; of host a pattern, {version}. and the hosts of the api by default."`
	Default string `json:"default" default:"" doc:"The version of requests that name none; they are refused without."`
}

// marker stands for the version in patterns.
const marker = "{version}"

// Check judges the settings together.
func (v *Versioning) Check() error {
	wrong := func(format string, args ...any) error { return schema.At("name", fmt.Errorf(format, args...)) }
	switch n := v.Name; v.In {
	case "path":
		if n != "" {
			return wrong("it has no effect: the version is the segment of the path behind base_path")
		}
	case "header":
		if n == "" {
			return wrong("which header is it? Write such as Api-Version")
		}
		if err := route.CheckHeader(n); err != nil {
			return wrong("%w", err)
		}
	case "query":
		if n == "" {
			return wrong("which query parameter is it? Write such as api-version")
		}
	case "media_type":
		if !strings.Contains(n, "/") {
			if n != "" && !wire.ValidToken(n) || strings.EqualFold(n, "q") {
				return wrong("%q is neither the parameter of a media type, such as version, nor a pattern such as application/vnd.shop.%s+json", n, marker)
			}
			return nil
		}
		if before, after, found := strings.Cut(n, marker); !found || strings.ContainsAny(before+after, "{};, \t\"*") || !strings.Contains(before, "/") {
			return wrong("write a media type with %s once behind its slash, such as application/vnd.shop.%s+json", marker, marker)
		}
	case "host":
		if n == "" {
			return nil
		}
		if strings.Count(n, marker) != 1 {
			return wrong("write a host with %s once, such as %s.api.example.com", marker, marker)
		}
		if host, err := route.ParseHost(strings.Replace(n, marker, "v1", 1)); err != nil || strings.Contains(host, "*") {
			return wrong("%q is no host with %s in place of a label or a part of one", n, marker)
		}
	}
	return nil
}

// A Version is one version of an api.
type Version struct {
	Name       string         `json:"name" min:"1" max:"64" doc:"What requests name it by, such as v2 or 2026-03-01."`
	Inherits   string         `json:"inherits" default:"" doc:"Another version, all of whose routes this one has as well; its own replace those that match the same."`
	Remove     []route.Match  `json:"remove" doc:"Routes of the inherited version that this one has not, by their match."`
	Deprecated *Deprecation   `json:"deprecated" doc:"Says in every answer that the version is to be used no more."`
	Policies   []*schema.Node `json:"policies" kind:"policy" doc:"Policies that the routes of the version run, after those of the api and before their own; those of the inherited version when not given."`
	Routes     []Route        `json:"routes" doc:"The routes of the version: those that are new or other than the inherited ones."`
}

// Check judges the settings together.
func (v *Version) Check() error {
	if err := checkName(v.Name); err != nil {
		return schema.At("name", err)
	}
	if v.Name == "." || v.Name == ".." {
		return schema.At("name", fmt.Errorf("%q is no name for a version", v.Name))
	}
	if v.Inherits == "" && len(v.Remove) > 0 {
		return schema.At("remove", errors.New("there is nothing to remove, since the version inherits no other"))
	}
	return nil
}

// A Deprecation says that a version is to be used no more.
type Deprecation struct {
	Since     identity.Moment `json:"since" required:"true" doc:"When it was deprecated, or will be: the field Deprecation (RFC 9745)."`
	Sunset    identity.Moment `json:"sunset" default:"" doc:"When it is to go: the field Sunset (RFC 8594)."`
	Link      string          `json:"link" default:"" doc:"The URL of a page that tells what to do: the field Link with rel=deprecation."`
	Successor string          `json:"successor" default:"" doc:"The version to use instead, for the field Link with rel=successor-version; the next one that is not deprecated by default."`
	Enforce   bool            `json:"enforce" doc:"Whether requests are answered 410 once the sunset has come."`
}

// Check judges the settings together.
func (d *Deprecation) Check() error {
	if d.Link != "" {
		u, err := url.Parse(d.Link)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.ContainsAny(d.Link, "<>\"\\ \t\r\n") {
			return schema.At("link", errors.New("write the URL of a page, such as https://docs.example.com/v1"))
		}
	}
	switch {
	case d.Enforce && d.Sunset.IsZero():
		return schema.At("enforce", errors.New("there is no sunset that could be enforced; give sunset"))
	case !d.Sunset.IsZero() && d.Sunset.Before(d.Since.Time):
		return schema.At("sunset", errors.New("it is before since: a version is deprecated first and goes later"))
	}
	return nil
}

// A Versioned is one version of an api, ready to be built.
type Versioned struct {
	*Version
	Versions *route.Versions // all of them
	API      *API            // as it is written
	Path     string          // where the version stands, such as apis[0].versions[1]
	Node     *schema.Node

	// PoliciesOf is the version whose policies its routes run: itself or one that it inherits from.
	PoliciesOf *Versioned
	// Successor is the version to use instead, nil for none; Follows says which shapes of its routes are there.
	Successor *Versioned
	Follows   map[string]bool

	base string
}

// Default says whether the version is for requests that name none.
func (v *Versioned) Default() bool { return v.Versions.Default == v.Version.Name }

// Base is what the paths of its routes begin with.
func (v *Versioned) Base() string { return v.base }
