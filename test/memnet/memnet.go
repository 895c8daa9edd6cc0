// Package memnet is wire/memnet under the name that tests knew it by.
package memnet

import "sallyport/wire/memnet"

// Network is memnet.Network.
type Network = memnet.Network

// Listener is memnet.Listener.
type Listener = memnet.Listener

// Conn is memnet.Conn.
type Conn = memnet.Conn

// Pipe is memnet.Pipe.
var Pipe = memnet.Pipe
