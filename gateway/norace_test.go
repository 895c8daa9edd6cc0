//go:build !race

package gateway

// raceEnabled says that everything is ten times as slow.
const raceEnabled = false
