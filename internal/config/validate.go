package config

import (
	"fmt"
	"math"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/quantity"
	"github.com/egraft/egraft/internal/unixsocket"
)

// validate checks the values that could be parsed.
func (l *loader) validate() {
	c := l.cfg
	l.exclusive()
	if c.ListenAddress == "" {
		l.socket()
	} else {
		l.tcp()
	}
	if c.AdminAddress != "" {
		l.hostPort("admin-address", c.AdminAddress)
	}
	if c.KubernetesOutcomes == Never && c.Kubeconfig != "" {
		l.errs = append(l.errs, field.Forbidden(l.at("kubeconfig"), fmt.Sprintf("has no effect with %s %s", c.NameOf("kubernetes-outcomes"), Never)))
	}
	l.bytes("max-message-size", l.cfg.MaxMessageSize, 1, math.MaxInt32)
	l.bytes("cache-size", l.cfg.CacheSize, 0, math.MaxInt64)
	l.bytes("journal-size", l.cfg.JournalSize, 0, math.MaxInt64)
	l.bytes("max-buffer-bytes", l.cfg.MaxBufferBytes, 1, math.MaxUint32)
	l.positive("call-timeout", c.CallTimeout)
	l.positive("mutator-timeout", c.MutatorTimeout)
	l.positive("keepalive-time", c.KeepaliveTime)
	l.positive("keepalive-timeout", c.KeepaliveTimeout)
	l.notNegative("keepalive-min-time", c.KeepaliveMinTime)
	l.notNegative("shutdown-timeout", c.ShutdownTimeout)
	l.notNegative("eds-initial-fetch-timeout", c.EDSInitialFetchTimeout)
	l.tenants()
	if c.FastClusterUpdates && c.EDSInitialFetchTimeout == 0 {
		l.errs = append(l.errs, field.Forbidden(l.at("fast-cluster-updates"), fmt.Sprintf("has no effect with %s 0s", c.NameOf("eds-initial-fetch-timeout"))))
	}
}

// exclusive reports settings that would have no effect, because their user expects one.
func (l *loader) exclusive() {
	tcp := []string{"tls-cert-file", "tls-key-file", "tls-client-ca-file"}
	unix := []string{"socket", "socket-mode", "socket-group", "allowed-uids"}
	if l.cfg.ListenAddress == "" {
		l.forbid(tcp, "without")
	} else {
		l.forbid(unix, "with")
	}
}

func (l *loader) forbid(flags []string, preposition string) {
	for _, flag := range flags {
		if l.cfg.from[flag] != "" {
			detail := fmt.Sprintf("has no effect %s %s", preposition, l.cfg.NameOf("listen-address"))
			l.errs = append(l.errs, field.Forbidden(l.at(flag), detail))
		}
	}
}

func (l *loader) socket() {
	path := l.cfg.Socket
	switch {
	case !filepath.IsAbs(path):
		l.invalid("socket", path, "must be an absolute path")
	case len(path) > unixsocket.MaxPath:
		l.invalid("socket", path, fmt.Sprintf("has %d bytes, but the path of a Unix socket can have %d at most", len(path), unixsocket.MaxPath))
	}
}

func (l *loader) tcp() {
	c := l.cfg
	l.hostPort("listen-address", c.ListenAddress)
	switch {
	case c.Insecure && c.TLSCertFile+c.TLSKeyFile+c.TLSClientCAFile != "":
		l.errs = append(l.errs, field.Forbidden(l.at("insecure"), "must not be set together with certificates"))
	case c.Insecure:
	case c.TLSCertFile == "":
		l.errs = append(l.errs, field.Required(l.at("tls-cert-file"), "TCP needs a certificate, or --insecure"))
	case c.TLSKeyFile == "":
		l.errs = append(l.errs, field.Required(l.at("tls-key-file"), "TCP needs the key of its certificate"))
	}
}

func (l *loader) bytes(flag string, q resource.Quantity, least, most int64) {
	n, whole := quantity.Whole(q)
	if !whole || n < least || n > most {
		l.invalid(flag, q.String(), fmt.Sprintf("must be a whole number of bytes from %d to %d", least, most))
	}
}

func (l *loader) hostPort(flag, addr string) {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		l.invalid(flag, addr, `must be host:port, like "0.0.0.0:9443" or "[::1]:9443"`)
	}
}

func (l *loader) between(flag string, n, least, most int) {
	if n < least || n > most {
		l.invalid(flag, n, fmt.Sprintf("must be from %d to %d", least, most))
	}
}

func (l *loader) positive(flag string, d time.Duration) {
	if d <= 0 {
		l.invalid(flag, d.String(), "must be greater than 0")
	}
}

func (l *loader) notNegative(flag string, d time.Duration) {
	if d < 0 {
		l.invalid(flag, d.String(), "must not be negative")
	}
}

func (l *loader) invalid(flag string, v any, detail string) {
	l.errs = append(l.errs, field.Invalid(l.at(flag), v, detail))
}

// at returns the name by which a setting was set.
func (l *loader) at(flag string) *field.Path { return field.NewPath(l.cfg.NameOf(flag)) }
