package wire

import "testing"

func TestDelAlike(t *testing.T) {
	var h Header
	for _, name := range []string{"X-Tenant", "A", "x_tenant", "X.Tenant", "X-Tenant-Id", "XTenant", "x-TENANT"} {
		h.Add(name, "v")
	}
	h.DelAlike("x-tenant")
	h.DelAlike("none")
	if h.Len() != 3 || !h.Has("A") || !h.Has("X-Tenant-Id") || !h.Has("XTenant") {
		t.Errorf("%d fields are left", h.Len())
	}
}
