package wire

import "sync"

// A Cancel lets another goroutine end a Call that waits for its answer. The zero value is ready, for one call.
type Cancel struct {
	mu       sync.Mutex
	end      func() // guarded by mu; ends what the call waits for, nil while there is nothing to end
	canceled bool   // guarded by mu
}

// Cancel ends the call, if it waits for an answer, and does not let it begin otherwise. One that has its answer goes on.
func (c *Cancel) Cancel() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.canceled = true
	if c.end != nil {
		c.end()
	}
}

// Begin is for the engine: end will be called, once at most, when the call is canceled before Over. It returns false when it is canceled
// already. A nil Cancel never is.
func (c *Cancel) Begin(end func()) bool {
	if c == nil {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.canceled {
		return false
	}
	c.end = end
	return true
}

// Over is for the engine: once it has returned, end is not and will not be called.
func (c *Cancel) Over() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end = nil
}
