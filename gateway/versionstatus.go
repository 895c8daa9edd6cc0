package gateway

import "time"

// A VersionStatus is a version of an api, and who still asks for it.
type VersionStatus struct {
	API        string     `json:"api"`
	Name       string     `json:"name"`
	Default    bool       `json:"default,omitempty"` // for requests that name none
	Deprecated *time.Time `json:"deprecated,omitempty"`
	Sunset     *time.Time `json:"sunset,omitempty"`
	Gone       bool       `json:"gone,omitempty"` // it is answered 410
	Requests   uint64     `json:"requests"`       // since the process began, or the document has it
}

// versions lists the versions of all apis in the order of the document.
func (g *Gateway) versions() (list []VersionStatus) {
	s := g.now.Load()
	if s == nil {
		return nil
	}
	now := time.Now()
	for _, of := range s.versioned {
		for _, name := range of.by.Names {
			v := of.named(name)
			if v == nil {
				continue
			}
			one := VersionStatus{API: of.api, Name: name, Default: of.by.Default == name, Gone: v.gone(now), Requests: v.counts.Total()}
			if d := v.deprecation; d != nil {
				one.Deprecated = &d.Since.Time
				if !d.Sunset.IsZero() {
					one.Sunset = &d.Sunset.Time
				}
			}
			list = append(list, one)
		}
	}
	return list
}
