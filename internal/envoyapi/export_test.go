package envoyapi

import (
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// SetDescriptors replaces the embedded descriptors, for a test that has just written them.
func SetDescriptors(b []byte) { descriptors = b }

// Descriptors returns the embedded descriptors.
func Descriptors() (*descriptorpb.FileDescriptorSet, error) { return decode(descriptors) }

// Described returns the types of the descriptors.
func Described() (*dynamicpb.Types, error) { return described() }
