package invoke

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"io"
	"runtime"
	"testing"
	"testing/iotest"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Messages as Amazon publishes them for those who write such readers.
const (
	emptyMessage = "000000100000000005c248eb7d98c8ff"
	oneField     = "0000003d0000002007fd83960c636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e7b27666f6f273a27626172277d8d9c08b1"
)

func TestFrames(t *testing.T) {
	both := append(unhex(t, emptyMessage), unhex(t, oneField)...)
	for _, in := range []io.Reader{bytes.NewReader(both), iotest.OneByteReader(bytes.NewReader(both)), iotest.DataErrReader(bytes.NewReader(both))} {
		r := reader{from: in}
		if m, err := r.next(); err != nil || len(m.payload) > 0 {
			t.Errorf("the empty message is %+v, %v", m, err)
		}
		if m, err := r.next(); err != nil || string(m.payload) != "{'foo':'bar'}" {
			t.Errorf("the message is %+v, %v", m, err)
		}
		if _, err := r.next(); err != io.EOF {
			t.Errorf("at the end: %v, want io.EOF", err)
		}
	}
}

// Every value type is known, and passed over where it is not wanted.
func TestFields(t *testing.T) {
	var h []byte
	field := func(name string, kind byte, value ...byte) {
		h = append(append(append(append(h, byte(len(name))), name...), kind), value...)
	}
	field("true", 0)
	field("false", 1)
	field("byte", 2, 1)
	field("short", 3, 1, 2)
	field("int", 4, 1, 2, 3, 4)
	field("long", 5, 1, 2, 3, 4, 5, 6, 7, 8)
	field("bytes", 6, 0, 3, 'a', 'b', 'c')
	field("time", 8, 1, 2, 3, 4, 5, 6, 7, 8)
	field("uuid", 9, make([]byte, 16)...)
	field(":message-type", 7, append([]byte{0, 5}, "event"...)...)
	field(":event-type", 7, append([]byte{0, 12}, "PayloadChunk"...)...)
	r := reader{from: bytes.NewReader(pack(h, "hello"))}
	if m, err := r.next(); err != nil || m.kind != "event" || m.event != "PayloadChunk" || string(m.payload) != "hello" {
		t.Errorf("got %+v, %v", m, err)
	}
	for n := 1; n < len(h); n++ { // cut anywhere it is broken, or ends with a field
		r := reader{from: bytes.NewReader(pack(h[:n], ""))}
		if m, err := r.next(); err != errFields && (err != nil || m.event != "") {
			t.Errorf("cut at %d: got %+v, %v", n, m, err)
		}
	}
}

func pack(fields []byte, payload string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(16+len(fields)+len(payload)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(fields)))
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	b = append(append(b, fields...), payload...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// A bit that is another is noticed, wherever it is, and so is an end that comes early.
func TestCorruptFrames(t *testing.T) {
	good := unhex(t, oneField)
	for i := range len(good) * 8 {
		b := bytes.Clone(good)
		b[i/8] ^= 1 << (i % 8)
		r := reader{from: bytes.NewReader(b)}
		if m, err := r.next(); err == nil {
			t.Errorf("bit %d: got %+v", i, m)
		}
	}
	for n := 1; n < len(good); n++ {
		r := reader{from: bytes.NewReader(good[:n])}
		if _, err := r.next(); err != io.ErrUnexpectedEOF {
			t.Errorf("%d bytes: got %v, want an unexpected end", n, err)
		}
	}
}

// prelude are lengths with a good checksum.
func prelude(total, fields uint32) []byte {
	b := binary.BigEndian.AppendUint32(nil, total)
	b = binary.BigEndian.AppendUint32(b, fields)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// Lengths earn no room of their own.
func TestFrameLengths(t *testing.T) {
	for _, c := range []struct{ total, fields uint32 }{{0, 0}, {15, 0}, {16, 1}, {100, 85}, {1 << 31, 0}, {maxMessage + 1, 0}, {maxMessage, maxFields + 1}, {1<<32 - 1, 1<<32 - 1}} {
		r := reader{from: bytes.NewReader(append(prelude(c.total, c.fields), make([]byte, 200)...))}
		if _, err := r.next(); err != errLengths {
			t.Errorf("%d and %d: got %v, want %v", c.total, c.fields, err, errLengths)
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := reader{from: bytes.NewReader(prelude(maxMessage, 0))}
	if _, err := r.next(); err != io.ErrUnexpectedEOF {
		t.Errorf("got %v, want an unexpected end", err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("a length alone took %d bytes", n)
	}
}

// Whatever comes, reading ends without a panic, and what is read as a message was packed as one.
func FuzzFrames(f *testing.F) {
	f.Add(unhex(f, emptyMessage))
	f.Add(unhex(f, oneField))
	f.Add(prelude(maxMessage, maxFields))
	f.Add(pack([]byte{13, ':'}, "x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := reader{from: bytes.NewReader(b)}
		at := 0
		for {
			m, err := r.next()
			if err != nil {
				return
			}
			total := int(binary.BigEndian.Uint32(b[at:]))
			fields := int(binary.BigEndian.Uint32(b[at+4:]))
			if want := pack(b[at+12:at+12+fields], string(m.payload)); !bytes.Equal(want, b[at:at+total]) {
				t.Fatalf("%x was read as %+v", b[at:at+total], m)
			}
			at += total
		}
	})
}
