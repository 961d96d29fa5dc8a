// Package kube tells Kubernetes users what became of their policies: by Events, and by
// conditions in the status of those kinds whose status is egraft's.
//
// It is off the path of Envoy Gateway's calls. [Publisher.Publish] puts outcomes into a
// bounded table and returns; [Publisher.Run] works the table off, one request at a time,
// as fast as the API server lets it. What is not written yet waits in the table, where a
// later outcome replaces it. Nothing here decides what an outcome is.
//
// Several replicas see the same calls and come to the same outcomes. They do not know of
// one another: an Event has the same name whoever writes it, so that the second finds it
// there, and conditions are read first and written only if they differ, under the
// condition that nobody else wrote meanwhile.
//
// What it needs of the API server, and nothing else:
//
//	events.k8s.io  events            create, patch
//	<group>        <kinds>           get             for each kind with conditions
//	<group>        <kinds>/status    patch           for each kind with conditions
package kube
