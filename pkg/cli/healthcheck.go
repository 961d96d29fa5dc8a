package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/egraft/egraft/internal/config"
)

const healthcheckLong = `Check whether a running egraft serves, for exec probes.

On a Unix socket, it calls the gRPC health service; for TCP, it calls /readyz on the admin
address, because a probe has no client certificate. It accepts the settings of ` + "`egraft serve`" + `:
use the same flags, environment and file for both. The exit code is 0 if egraft serves.`

const healthcheckExample = `  egraft healthcheck
  egraft healthcheck --socket /tmp/egraft.sock --timeout 2s`

func newHealthcheck(p *program) *cobra.Command {
	cmd := &cobra.Command{Use: "healthcheck", Short: "Check whether a running egraft serves", Long: healthcheckLong, Example: healthcheckExample, Args: noArgs}
	flags := p.addFlags(cmd, "socket", "listen-address", "admin-address")
	timeout := cmd.Flags().Duration("timeout", time.Second, "timeout of egraft's response")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := p.load(flags)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), *timeout)
		defer cancel()
		if err := check(ctx, s.Config); err != nil {
			return failed(err)
		}
		_, err = fmt.Fprintln(p.stdout, "serving")
		return failed(err)
	}
	return cmd
}

// check queries the server of a configuration.
func check(ctx context.Context, c *config.Config) error {
	if network, address := c.Network(); network == "unix" {
		return checkSocket(ctx, address)
	}
	if c.AdminAddress == "" {
		return errors.New("cannot check a server on TCP without an admin address")
	}
	return checkAdmin(ctx, c.AdminAddress)
}

func checkSocket(ctx context.Context, path string) error {
	conn, err := grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("check %s: %w", path, err)
	}
	defer conn.Close()
	answer, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		return fmt.Errorf("check %s: %s", path, status.Convert(err).Message())
	}
	if answer.Status != grpc_health_v1.HealthCheckResponse_SERVING {
		return fmt.Errorf("check %s: %s", path, answer.Status)
	}
	return nil
}

func checkAdmin(ctx context.Context, address string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("check %s: %w", address, err)
	}
	client := &http.Client{Transport: &http.Transport{}} // no proxy from the environment
	answer, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("check %s: %w", address, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("check %s: /readyz responded with %s", address, answer.Status)
	}
	return nil
}
