package cluster

import (
	"net"
	"slices"
	"strconv"
	"strings"
)

// adminFlag, adminVariable and adminDefault are the setting of the admin address and its default
// port.
const (
	adminFlag     = "--admin-address"
	adminVariable = "EGRAFT_ADMIN_ADDRESS"
	adminDefault  = 19110
)

// adminPort returns the port of egraft's admin listener from the flags and environment of its
// container, or 0 if there is no admin listener. It does not read the settings file.
func adminPort(spec *Spec) uint16 {
	for _, c := range append(slices.Clone(spec.InitContainers), spec.Containers...) {
		if c.Name == EgraftContainer {
			return portOf(adminAddress(&c))
		}
	}
	return 0
}

func adminAddress(c *Container) string {
	arguments := append(slices.Clone(c.Command), c.Args...)
	for i, a := range slices.Backward(arguments) { // the last one takes precedence
		if value, found := strings.CutPrefix(a, adminFlag+"="); found {
			return value
		}
		if a == adminFlag && i+1 < len(arguments) {
			return arguments[i+1]
		}
	}
	for _, e := range slices.Backward(c.Env) {
		if e.Name == adminVariable && e.Value != "" {
			return e.Value
		}
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(adminDefault))
}

func portOf(address string) uint16 {
	_, port, err := net.SplitHostPort(address)
	n, bad := strconv.ParseUint(port, 10, 16)
	if err != nil || bad != nil {
		return 0
	}
	return uint16(n)
}
