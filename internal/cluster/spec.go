package cluster

// Spec is the part of a pod's specification that is read. The types of the Kubernetes API would add
// megabytes to the binary.
type Spec struct {
	ServiceAccountName string      `json:"serviceAccountName"`
	InitContainers     []Container `json:"initContainers"`
	Containers         []Container `json:"containers"`
}

// Container is a container of a pod.
type Container struct {
	Name         string        `json:"name"`
	Image        string        `json:"image"`
	Command      []string      `json:"command"`
	Args         []string      `json:"args"`
	Env          []EnvVar      `json:"env"`
	VolumeMounts []VolumeMount `json:"volumeMounts"`
}

// EnvVar is an environment variable of a container. The value is empty if it comes from another
// source.
type EnvVar struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// VolumeMount is a volume mount of a container.
type VolumeMount struct {
	Name      string `json:"name"`
	MountPath string `json:"mountPath"`
	SubPath   string `json:"subPath"`
}

// pod is the part of a pod that is read.
type pod struct {
	Metadata struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"metadata"`
	Spec   Spec `json:"spec"`
	Status struct {
		InitContainerStatuses []containerStatus `json:"initContainerStatuses"`
		ContainerStatuses     []containerStatus `json:"containerStatuses"`
	} `json:"status"`
}

// containerStatus is the status of a container.
type containerStatus struct {
	Name  string `json:"name"`
	Ready bool   `json:"ready"`
	State struct {
		Running *struct{} `json:"running"`
	} `json:"state"`
}
