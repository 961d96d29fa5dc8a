package server

import (
	"context"

	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// checked is gRPC's health service whose checks also fail while the service is unhealthy. Watchers
// only see start and stop: probes do not watch.
type checked struct {
	*health.Server
	healthy func() error
}

// Check implements grpc_health_v1.HealthServer.
func (c checked) Check(ctx context.Context, req *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	answer, err := c.Server.Check(ctx, req)
	if err == nil && c.healthy() != nil {
		answer.Status = grpc_health_v1.HealthCheckResponse_NOT_SERVING
	}
	return answer, err
}
