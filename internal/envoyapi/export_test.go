package envoyapi

import (
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// SetDescriptors replaces the embedded descriptors, for the test that has just written them.
func SetDescriptors(b []byte) { descriptors = b }

// Descriptors are the embedded descriptors.
func Descriptors() (*descriptorpb.FileDescriptorSet, error) { return decode(descriptors) }

// Described are the types of the descriptors.
func Described() (*dynamicpb.Types, error) { return described() }
