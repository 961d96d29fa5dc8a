// Command echo is the backend of the demo and the tests, see package echo.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/egraft/egraft/e2e/echo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var cfg echo.Config
	var clients string
	flag.StringVar(&cfg.Listen, "listen", "", "address for HTTPS with an SVID and client certificates")
	flag.StringVar(&cfg.Socket, "socket", "", "path of the SPIFFE Workload API")
	flag.StringVar(&clients, "clients", "", "SPIFFE IDs that may call, separated by commas")
	flag.StringVar(&cfg.MaxTLS, "max-tls", "", "highest version of TLS: 1.2 or 1.3")
	flag.StringVar(&cfg.Plain, "plain", "", "address for HTTP in cleartext")
	flag.StringVar(&cfg.Ordinary, "ordinary", "", "address for HTTPS with an ordinary certificate")
	flag.StringVar(&cfg.Certificate, "certificate", "", "file of the ordinary certificate")
	flag.StringVar(&cfg.Key, "key", "", "file of the ordinary certificate's key")
	flag.Parse()
	if clients != "" {
		cfg.Clients = strings.Split(clients, ",")
	}
	if err := echo.Run(ctx, cfg); err != nil {
		fmt.Fprintf(os.Stderr, "echo: %v\n", err)
		os.Exit(1)
	}
}
