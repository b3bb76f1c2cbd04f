package load

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// A Machine is what figures were measured on. What the system does not tell is
// "unknown" or 0.
type Machine struct {
	CPU    string
	Cores  int
	Memory int // MiB
	Kernel string
	Go     string
	Date   time.Time
}

// ThisMachine describes the machine at this moment.
func ThisMachine(now time.Time) Machine {
	m := Machine{CPU: "unknown", Kernel: "unknown", Cores: runtime.NumCPU(), Go: runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH, Date: now}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		m.CPU = field(text, "model name", m.CPU)
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		kibibytes := 0
		_, _ = fmt.Sscan(field(text, "MemTotal", "0"), &kibibytes) // 0 where it is written otherwise
		m.Memory = kibibytes >> 10
	}
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(text))
	}
	return m
}

// field returns what follows "name:" on the first such line.
func field(text []byte, name, otherwise string) string {
	for line := range bytes.Lines(text) {
		got, value, found := bytes.Cut(line, []byte(":"))
		if found && string(bytes.TrimSpace(got)) == name {
			return string(bytes.TrimSpace(value))
		}
	}
	return otherwise
}

// String is one sentence.
func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores, %d MiB, kernel %s, %s, %s.", m.CPU, m.Cores, m.Memory, m.Kernel, m.Go, m.Date.Format(time.DateOnly))
}
