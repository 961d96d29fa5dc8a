// Package kube reports policy outcomes to Kubernetes users: in Events, and in status conditions of
// kinds whose status belongs to egraft.
//
// It is not on the path of Envoy Gateway's hook calls. [Publisher.Publish] puts outcomes into a
// bounded table and returns. [Publisher.Run] writes them one request at a time, as fast as the API
// server allows. Outcomes that are not written yet wait in the table, where a later outcome
// replaces an earlier one. Nothing here decides outcomes.
//
// Several replicas receive the same calls and have the same outcomes, without knowing of each
// other. The name of an Event does not depend on the replica, so the second replica finds the Event
// of the first. Conditions are read first and written only if they differ and no other writer has
// changed the object since.
//
// It needs the following permissions, and no others:
//
//	events.k8s.io  events            create, patch
//	<group>        <kinds>           get             for each kind with conditions
//	<group>        <kinds>/status    patch           for each kind with conditions
package kube
