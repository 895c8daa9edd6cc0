// Package socket is what connections of every protocol stand on: blocks of memory that are held only while there is something
// in them, system calls that do not wait, and TLS that writes all records of an answer at once and waits without memory.
package socket

import "sync"

// Sizes of blocks. A larger one is made and left to the garbage collector.
const (
	Head  = 2 << 10
	Small = 16 << 10
	Big   = 64 << 10
)

var (
	headBlocks  = sync.Pool{New: func() any { return new([Head]byte) }}
	smallBlocks = sync.Pool{New: func() any { return new([Small]byte) }}
	bigBlocks   = sync.Pool{New: func() any { return new([Big]byte) }}
)

// Take returns a block of at least size bytes, whatever is in it. Give gives it back.
func Take(size int) []byte {
	switch {
	case size <= Head:
		return headBlocks.Get().(*[Head]byte)[:]
	case size <= Small:
		return smallBlocks.Get().(*[Small]byte)[:]
	case size <= Big:
		return bigBlocks.Get().(*[Big]byte)[:]
	}
	return make([]byte, size)
}

// Give takes a block back that nobody looks at any more.
func Give(b []byte) {
	b = b[:cap(b)]
	poison(b)
	switch len(b) {
	case Head:
		headBlocks.Put((*[Head]byte)(b))
	case Small:
		smallBlocks.Put((*[Small]byte)(b))
	case Big:
		bigBlocks.Put((*[Big]byte)(b))
	}
}
