package wire

import (
	"testing"
	"time"
)

func TestGRPC(t *testing.T) {
	for v, want := range map[string]time.Duration{
		"": 0, "S": 0, "1": 0, "1S": time.Second, "20m": 20 * time.Millisecond, "99999999n": 99999999, "5u": 5 * time.Microsecond,
		"2M": 2 * time.Minute, "3H": 3 * time.Hour, "99999999S": 99999999 * time.Second, "123456789S": 0, "-1S": 0, "1s": 0, "1 S": 0, "1.5S": 0,
	} {
		if got := GRPCTimeout(v); got != want {
			t.Errorf("%q: got %v, want %v", v, got, want)
		}
	}
	if GRPCTimeout("99999999H") <= 0 {
		t.Error("the longest timeout is none")
	}
	for v, want := range map[string]bool{
		"application/grpc": true, "application/grpc+proto": true, "Application/GRPC; a=b": true, "application/grpc-web+proto": true,
		"application/grpcx": false, "application/json": false, "": false,
	} {
		if IsGRPC(v) != want {
			t.Errorf("%q: got %v", v, !want)
		}
	}
}
