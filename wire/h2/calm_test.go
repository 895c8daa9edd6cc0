package h2

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// A target that sends for ever what carries nothing loses its connection, and the next call gets another one.
func TestTargetsThatFlood(t *testing.T) {
	head := rawFrame(frameHeaders, flagEndHeaders, 1, []byte{0x88}) // :status 200
	for name, c := range map[string]struct{ first, more []byte }{
		"empty data":    {head, rawFrame(frameData, 0, 1, nil)},
		"pings":         {head, rawFrame(framePing, 0, 0, make([]byte, 8))},
		"settings":      {nil, rawFrame(frameSettings, 0, 0, nil)},
		"windows":       {head, rawFrame(frameWindowUpdate, 0, 1, []byte{0, 0, 0, 1})},
		"unknown":       {nil, rawFrame(0xee, 0, 0, nil)},
		"heads, no end": {rawFrame(frameHeaders, 0, 1, []byte{0x88}), rawFrame(frameContinuation, 0, 1, nil)},
	} {
		t.Run(name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			go func() {
				for flood := true; ; flood = false {
					conn, err := ln.Accept()
					if err != nil {
						return
					}
					go floodOrAnswer(conn, flood, c.first, bytes.Repeat(c.more, 100))
				}
			}()
			p := poolTo(t, ln.Addr().String(), PoolOptions{})
			begun := time.Now()
			if got, err := get(p, "/", nil); err == nil || time.Since(begun) > 3*time.Second {
				t.Errorf("got %q after %v, though the target only floods", got, time.Since(begun))
			} else if !strings.Contains(err.Error(), errIdleTalk.Error()) {
				t.Errorf("got %v", err)
			}
			if got, err := get(p, "/", nil); got != "200 ok" {
				t.Errorf("the next call: %q, %v", got, err)
			}
		})
	}
}

// floodOrAnswer waits for a request and floods, or answers it.
func floodOrAnswer(c net.Conn, flood bool, first, more []byte) {
	defer c.Close()
	_, _ = io.CopyN(io.Discard, c, int64(len(preface)))
	_, _ = c.Write(rawFrame(frameSettings, 0, 0, nil))
	var s scan
	asked := false
	for b := make([]byte, 4096); !asked; {
		n, err := c.Read(b)
		if err != nil {
			return
		}
		s.feed(b[:n], func(f frame) { asked = asked || f.kind == frameHeaders })
	}
	if !flood {
		_, _ = c.Write(append(rawFrame(frameHeaders, flagEndHeaders, 1, []byte{0x88}), rawFrame(frameData, flagEndStream, 1, []byte("ok"))...))
		_, _ = io.Copy(io.Discard, c)
		return
	}
	_, err := c.Write(first)
	for err == nil {
		_, err = c.Write(more)
	}
}
