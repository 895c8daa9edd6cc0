//go:build !linux

package balance

import "syscall"

func setUserTimeout(string, string, syscall.RawConn) error { return nil }
