package e2etest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Egraft runs the program under test with arguments, such as "record", "recording", "--admin-address",
// [Env.AdminAddress], and returns what it printed.
func (e *Env) Egraft(t testing.TB, args ...string) string {
	t.Helper()
	ctx, cancel := e.soon(t)
	defer cancel()
	stdout, stderr, code, err := e.real.egraft(ctx, args...)
	if err == nil && code != 0 {
		err = fmt.Errorf("exit code %d: %s", code, strings.TrimSpace(string(stderr)))
	}
	if err != nil {
		t.Fatalf("egraft %s: %v", strings.Join(args, " "), err)
	}
	return string(stdout)
}

// AdminAddress returns the address of the running egraft's admin listener.
func (e *Env) AdminAddress() string {
	_, admin := e.real.addresses()
	return admin
}

// Explain returns what `egraft explain` prints about all four stages of a subject, such as
// "hellopolicy/default/hello" or "gateway/default/eg", whether or not it takes effect. Additional
// arguments are flags, such as "--diff".
func (e *Env) Explain(t testing.TB, subject string, flags ...string) string {
	t.Helper()
	ctx, cancel := e.soon(t)
	defer cancel()
	text, _, err := e.explain(ctx, append([]string{subject}, flags...)...)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// WaitInEffect waits until policies, filters or backends have passed all stages of `egraft
// explain`. At the last stage, Envoy has what egraft made of them. After the timeout, the test
// fails with the command's output. For a policy that was changed, the earlier version may be the
// one in effect. For a filter of a rule, which changes only routes, the last stage is not checked:
// wait for a response with [Env.Until].
func (e *Env) WaitInEffect(t testing.TB, subjects ...string) {
	t.Helper()
	for _, subject := range subjects {
		e.until(t, subject+" to be in effect", func(ctx context.Context) error {
			report, inEffect, err := e.explain(ctx, subject, "-o", "json")
			if err != nil {
				return err
			}
			if inEffect && passed(report) {
				return nil
			}
			text, _, err := e.explain(ctx, subject)
			return errors.Join(errors.New(text), err)
		})
	}
}

// Log returns the log of a program: "egraft", in JSON, "envoy-gateway", or "access" for Envoy's access
// log.
func (e *Env) Log(t testing.TB, name string) string {
	t.Helper()
	ctx, cancel := e.soon(t)
	defer cancel()
	log, err := e.real.Log(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(log)
}

// passed reports whether a report in JSON has policies, all of which have passed the last stage.
func passed(report string) bool {
	var r struct {
		Policies []struct {
			InEffect bool `json:"inEffect"`
			Stages   []struct {
				State string `json:"state"`
			} `json:"stages"`
		} `json:"policies"`
	}
	if json.Unmarshal([]byte(report), &r) != nil || len(r.Policies) == 0 {
		return false
	}
	for _, p := range r.Policies {
		if !p.InEffect || len(p.Stages) == 0 || !slices.Contains([]string{"ok", "warning"}, p.Stages[len(p.Stages)-1].State) {
			return false
		}
	}
	return true
}

// explain runs the command with all flags that locate the environment.
func (e *Env) explain(ctx context.Context, args ...string) (text string, inEffect bool, err error) {
	envoy, err := e.real.AdminAddress()
	if err != nil {
		return "", false, err
	}
	args = append([]string{
		"explain", "--admin-address", e.AdminAddress(), "--envoy-gateway-config", e.real.configuration(), "--envoy-admin", envoy,
	}, args...)
	stdout, stderr, code, err := e.real.egraft(ctx, args...)
	if err == nil && (code > 1 || len(stdout) == 0) {
		err = errors.New(strings.TrimSpace(string(stderr)))
	}
	if err != nil {
		return "", false, fmt.Errorf("egraft %s: %w", strings.Join(args, " "), err)
	}
	return string(stdout), code == 0, nil
}
