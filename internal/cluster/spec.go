package cluster

// Spec is what is read of a pod's specification. The types of Kubernetes' API would make the program
// larger by megabytes.
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

// EnvVar is a variable of a container's environment. The value is empty if it comes from elsewhere.
type EnvVar struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// VolumeMount is where a container has a volume.
type VolumeMount struct {
	Name      string `json:"name"`
	MountPath string `json:"mountPath"`
	SubPath   string `json:"subPath"`
}

// pod is what is read of a pod.
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

// containerStatus is that of a container.
type containerStatus struct {
	Name  string `json:"name"`
	Ready bool   `json:"ready"`
	State struct {
		Running *struct{} `json:"running"`
	} `json:"state"`
}
