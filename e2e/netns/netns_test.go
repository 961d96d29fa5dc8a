package netns_test

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/egraft/egraft/e2e/netns"
)

// roleVariable makes the test binary run as a program that uses the package.
const roleVariable = "EGRAFT_NETNS_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "":
		os.Exit(m.Run())
	case "interfaces":
		os.Exit(netns.Run(interfaces))
	case "orphan":
		os.Exit(netns.Run(orphan))
	}
}

// interfaces prints the visible interfaces and whether loopback works.
func interfaces() int {
	list, err := net.Interfaces()
	if err != nil {
		panic(err)
	}
	for _, i := range list {
		println(i.Name)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:18000")
	if err != nil {
		panic(err)
	}
	defer listener.Close()
	connection, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		panic(err)
	}
	defer connection.Close()
	return 7
}

// orphan leaves a grandchild behind and prints its process ID.
func orphan() int {
	out, err := exec.Command("sh", "-c", "sleep 300 >/dev/null 2>&1 & echo $!").Output()
	if err != nil {
		panic(err)
	}
	print(string(out))
	return 0
}

func run(t *testing.T, role string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if strings.Contains(string(out), "may not make namespaces") || strings.Contains(string(out), "does not let user") {
		t.Skip(string(out))
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func TestRunHasLoopbackOnlyAndPassesTheExitCode(t *testing.T) {
	out, code := run(t, "interfaces")
	if out != "lo\n" || code != 7 {
		t.Fatalf("want interface lo and exit code 7, got %q and %d", out, code)
	}
}

func TestRunLeavesNothingBehind(t *testing.T) {
	out, code := run(t, "orphan")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	pid := strings.TrimSpace(out)
	if state, err := os.ReadFile("/proc/" + pid + "/stat"); err == nil {
		t.Fatalf("process %s is still there: %s", pid, state)
	}
}
