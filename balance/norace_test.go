//go:build !race

package balance

// raceEnabled says that everything is ten times as slow.
const raceEnabled = false
