//go:build soak

package soak

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// Clients that keep something open for a while.

// askEvents reads a stream of numbered events to its end.
func (w *world) askEvents(m *member) error {
	url, client := "http://"+w.plain, http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
	if m.number%2 == 0 {
		c, _ := m.keep.(*wire2)
		if c == nil {
			c = w.client2()
			m.keep = c
		}
		url, client = "https://"+w.tls, c.Client
	}
	resp, err := client.Get(url + "/events")
	if err != nil {
		return fmt.Errorf("%s no answer: %w", never, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s status %d", never, resp.StatusCode)
	}
	n := 0
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		data, found := strings.CutPrefix(lines.Text(), "data: ")
		if !found {
			continue
		}
		if data != fmt.Sprint(n) {
			return fmt.Errorf("%s event %s, want %d", never, data, n)
		}
		n++
	}
	if n != events {
		return fmt.Errorf("the stream ended after %d events", n)
	}
	return nil
}

// askSocket sends messages through a WebSocket and gets them back.
func (w *world) askSocket(m *member) error {
	return within(20*time.Second, func(ctx context.Context) error {
		c, resp, err := websocket.Dial(ctx, "ws://"+w.plain+"/socket", nil)
		if err != nil {
			if resp != nil && resp.StatusCode == http.StatusBadGateway {
				return err // the target was killed as it was asked
			}
			return fmt.Errorf("%s no WebSocket: %w", never, err)
		}
		defer c.CloseNow()
		for n := range 20 {
			want := fmt.Sprintf("%d.%d.%d %s", m.number, m.seq, n, strings.Repeat("x", n*n*20))
			if err := c.Write(ctx, websocket.MessageText, []byte(want)); err != nil {
				return err
			}
			_, got, err := c.Read(ctx)
			if err != nil {
				return err
			}
			if string(got) != want {
				return fmt.Errorf("%s the WebSocket told %.60q back, want %.60q", never, got, want)
			}
			time.Sleep(20 * time.Millisecond)
		}
		return c.Close(websocket.StatusNormalClosure, "")
	})
}

// askGRPC makes a call with several messages each way, one after the other.
func (w *world) askGRPC(m *member) error {
	url, open := "http://"+w.plain, w.client2c
	if m.number%2 == 0 {
		url, open = "https://"+w.tls, w.client2
	}
	c, _ := m.keep.(*wire2)
	if c == nil {
		c = open()
		m.keep = c
	}
	in, out := io.Pipe()
	defer out.Close()
	r, _ := http.NewRequest(http.MethodPost, url+"/soak.Echo/Stream", in)
	r.Header.Set("Content-Type", "application/grpc")
	r.Header.Set("Te", "trailers")
	first := message(m, 0)
	go func() { _, _ = out.Write(first) }()
	resp, err := c.Do(r)
	if err != nil {
		return fmt.Errorf("%s no answer: %w", never, err)
	}
	defer resp.Body.Close()
	if status := resp.Header.Get("Grpc-Status"); status == "14" { // told by the gateway
		return fmt.Errorf("grpc-status %s: %s", status, resp.Header.Get("Grpc-Message"))
	} else if resp.StatusCode != http.StatusOK || status != "" {
		return fmt.Errorf("%s status %d, grpc-status %q: %s", never, resp.StatusCode, status, resp.Header.Get("Grpc-Message"))
	}
	for n := range 5 {
		want := message(m, n)
		if n > 0 {
			if _, err := out.Write(want); err != nil {
				return err
			}
		}
		got := make([]byte, len(want))
		if _, err := io.ReadFull(resp.Body, got); err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("%s message %d came back as %.60q, want %.60q", never, n, got, want)
		}
	}
	_ = out.Close()
	if n, err := io.Copy(io.Discard, resp.Body); err != nil || n > 0 {
		return fmt.Errorf("%d bytes behind the last message: %v", n, err)
	}
	if status := resp.Trailer.Get("Grpc-Status"); status != "0" {
		return fmt.Errorf("grpc-status %q", status)
	}
	return nil
}

// message is one of gRPC: a flag, the length, the content.
func message(m *member, n int) []byte {
	content := fmt.Sprintf("%d.%d.%d %s", m.number, m.seq, n, strings.Repeat("y", m.seq%3000))
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(content))), content...)
}
