package gateway

import (
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A disk that does not answer while the document is read anew holds up that document and nothing else: requests are answered, and
// SIGTERM has what is under way end and the process with it.
func TestReloadThatHangs(t *testing.T) {
	for _, how := range []string{"signal", "file"} {
		t.Run(how, func(t *testing.T) {
			answer := make(chan struct{})
			t.Cleanup(func() { close(answer) })
			reading := make(chan struct{}, 8)
			var first atomic.Bool
			read := func(string) ([]byte, error) {
				if first.CompareAndSwap(false, true) {
					return []byte("hi"), nil
				}
				reading <- struct{}{}
				<-answer
				return []byte("too late"), nil
			}
			path := document(t, listen+"admin: off\nroutes: [{ match: /, respond: { body: '${file(\"text\")}' } }]\n")
			p := newProcess(t, path, Options{ReadFile: read})
			if how == "file" {
				text, _ := os.ReadFile(path)
				if err := os.WriteFile(path, append(text, "# changed\n"...), 0o644); err != nil {
					t.Fatal(err)
				}
			} else {
				p.signals <- syscall.SIGHUP
			}
			<-reading
			if _, body := ask(t, p.at, get("/")); body != "hi" {
				t.Errorf("while the document is read: %q", body)
			}
			p.signals <- syscall.SIGHUP // which has to wait, and does no harm
			p.signals <- syscall.SIGTERM
			p.said(t, "stopping")
			select {
			case err := <-p.ended:
				if err != nil {
					t.Errorf("it ended with %v", err)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("it does not end")
			}
		})
	}
}
