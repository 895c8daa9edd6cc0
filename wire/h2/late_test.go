package h2

import (
	"io"
	"maps"
	"net/http"
	"sync"
	"testing"
	"time"

	"sallyport/wire"
)

// A keeper is a ResponseWriter that still reads the header of an interim response when WriteHeader has returned, as that of
// net/http does when the stream is reset meanwhile.
type keeper struct {
	http.ResponseWriter
	header, reads http.Header
}

func (k *keeper) Header() http.Header { return k.header }

func (k *keeper) WriteHeader(int) {
	k.reads = k.header
	if _, told := k.header["Content-Length"]; told {
		k.reads = maps.Clone(k.header)
	}
}

// Two goroutines at one map would end the process.
func TestInformLeavesTheHeaderAlone(t *testing.T) {
	k := &keeper{header: http.Header{}}
	x := &exchange{w: k, from: &http.Request{}}
	resp := &wire.Response{Status: 103}
	resp.Header.Add("Link", "</a.css>")
	if err := x.inform(resp); err != nil {
		t.Fatal(err)
	}
	if len(k.reads["Link"]) != 1 {
		t.Errorf("net/http reads %v", k.reads)
	}
	if len(k.header) != 0 {
		t.Errorf("%v is left for the final response", k.header)
	}
}

type still struct{}

func (still) Read([]byte) (int, error) { return 0, io.EOF }
func (still) Close() error             { return nil }

// The timer of a read may be late, and find the body of another request, or of none.
func TestBodyTimerIsLate(t *testing.T) {
	var b body
	for range 1000 {
		b.reset(still{}, t.Context(), &Limits{}, new(int64), -1)
		b.arm(time.Now().Add(-time.Hour), time.Minute)
		var both sync.WaitGroup
		both.Go(b.expire)
		both.Go(func() {
			b.disarm()
			b.reset(nil, nil, nil, nil, 0)
		})
		both.Wait()
		if b.late {
			t.Fatal("it ended a read of the next request")
		}
	}
}
