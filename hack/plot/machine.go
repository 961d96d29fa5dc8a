package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// machine is the place and time of a measurement.
type machine struct {
	Processor string `json:"processor"`
	Cores     int    `json:"cores"`
	MemoryGiB int    `json:"memory_gib"`
	System    string `json:"system"`
	Go        string `json:"go"`
	Date      string `json:"date"`
}

func thisMachine() machine {
	kib, _ := strconv.Atoi(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB")) // 0 where there is none
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	release, _, _ := strings.Cut(strings.TrimSpace(string(kernel)), "-")
	return machine{
		Processor: field("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(), MemoryGiB: (kib + 1<<19) >> 20,
		System: strings.TrimSpace(runtime.GOOS + "/" + runtime.GOARCH + " " + release),
		Go:     runtime.Version(), Date: time.Now().UTC().Format(time.DateOnly),
	}
}

// field returns the value of the first line in a file that begins with a name.
func field(path, name string) string {
	content, _ := os.ReadFile(path) // does not exist except on Linux
	for line := range strings.Lines(string(content)) {
		if key, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func (m machine) String() string {
	return fmt.Sprintf("%s, %d cores, %d GiB, %s, %s, on %s", m.Processor, m.Cores, m.MemoryGiB, m.System, m.Go, m.Date)
}
