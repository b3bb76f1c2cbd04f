package environ

import (
	"fmt"
	"os"
)

// Load returns the configuration of the process, for the first line of a
// function's main. When it is incomplete, Load writes the one line of [Parse]'s
// error to standard error and ends the process with status 1, which Lambda
// reports as an error of initialization.
func Load[T any]() T {
	config, err := Parse[T](os.Environ())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return config
}
