//go:build race

package lockout_test

// raced says whether the race detector is compiled in.
const raced = true
