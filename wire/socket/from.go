package socket

import "net"

// A From is a connection that came through a proxy which told, in front of it, who the client is.
type From struct {
	net.Conn
	Client, Asked net.Addr // the client's address, and the one that it connected to
}

// RemoteAddr returns the client's address.
func (f *From) RemoteAddr() net.Addr { return f.Client }

// LocalAddr returns the address that the client connected to.
func (f *From) LocalAddr() net.Addr { return f.Asked }

// CloseWrite tells the peer that nothing more will come.
func (f *From) CloseWrite() error {
	if half, ok := f.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Below returns what c is below what was told of its client.
func Below(c net.Conn) net.Conn {
	if f, ok := c.(*From); ok {
		return f.Conn
	}
	return c
}

// TCP returns the TCP connection that c is, nil if it is none.
func TCP(c net.Conn) *net.TCPConn {
	t, _ := Below(c).(*net.TCPConn)
	return t
}
