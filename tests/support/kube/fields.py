"""Fields of protobuf messages, as kubectl writes and reads them: {message: {number: (JSON name, type)}}."""

from __future__ import annotations

Message = dict[int, tuple[str, str]]


def _message(text: str) -> Message:
    """`1 name string; 2 data map:bytes`."""
    parts = (part.split() for part in text.split(";"))
    return {int(number): (name, type_) for number, name, type_ in parts}


_TEXTS = {
    "ObjectMeta": "1 name string; 2 generateName string; 3 namespace string; 5 uid string; 6 resourceVersion string;"
    "7 generation int; 8 creationTimestamp time; 9 deletionTimestamp time; 10 deletionGracePeriodSeconds int;"
    "11 labels map:string; 12 annotations map:string; 13 ownerReferences [OwnerReference]; 14 finalizers [string];"
    "17 managedFields [ManagedFieldsEntry]",
    "OwnerReference": "1 kind string; 3 name string; 4 uid string; 5 apiVersion string; 6 controller bool;"
    "7 blockOwnerDeletion bool",
    "ManagedFieldsEntry": "1 manager string; 2 operation string; 3 apiVersion string; 4 time time; 6 fieldsType string",
    "ListMeta": "1 selfLink string; 2 resourceVersion string; 3 continue string; 4 remainingItemCount int",
    "Secret": "1 metadata ObjectMeta; 2 data map:bytes; 3 type string; 4 stringData map:string; 5 immutable bool",
    "ConfigMap": "1 metadata ObjectMeta; 2 data map:string; 3 binaryData map:bytes; 4 immutable bool",
    "Namespace": "1 metadata ObjectMeta; 2 spec NamespaceSpec; 3 status NamespaceStatus",
    "NamespaceSpec": "1 finalizers [string]",
    "NamespaceStatus": "1 phase string",
    "LocalObjectReference": "1 name string",
    "ObjectReference": "1 kind string; 2 namespace string; 3 name string; 4 uid string; 5 apiVersion string",
    "ServiceAccount": "1 metadata ObjectMeta; 2 secrets [ObjectReference]; 3 imagePullSecrets [LocalObjectReference]",
    "LabelSelector": "1 matchLabels map:string",
    "Deployment": "1 metadata ObjectMeta; 2 spec DeploymentSpec; 3 status DeploymentStatus",
    "DeploymentSpec": "1 replicas int; 2 selector LabelSelector; 3 template PodTemplateSpec; 4 strategy Strategy;"
    "5 minReadySeconds int; 6 revisionHistoryLimit int; 7 paused bool; 9 progressDeadlineSeconds int",
    "Strategy": "1 type string; 2 rollingUpdate RollingUpdate",
    "RollingUpdate": "1 maxUnavailable intstr; 2 maxSurge intstr",
    "DeploymentStatus": "1 observedGeneration int; 2 replicas int; 3 updatedReplicas int; 4 availableReplicas int;"
    "5 unavailableReplicas int; 6 conditions [Condition]; 7 readyReplicas int; 8 collisionCount int",
    "Condition": "1 type string; 2 status string; 4 reason string; 5 message string; 6 lastUpdateTime time;"
    "7 lastTransitionTime time",
    "PodTemplateSpec": "1 metadata ObjectMeta; 2 spec PodSpec",
    "Pod": "1 metadata ObjectMeta; 2 spec PodSpec; 3 status PodStatus",
    "PodSpec": "1 volumes [Volume]; 2 containers [Container]; 3 restartPolicy string;"
    "4 terminationGracePeriodSeconds int; 6 dnsPolicy string; 7 nodeSelector map:string;"
    "8 serviceAccountName string; 10 nodeName string;"
    "19 schedulerName string; 20 initContainers [Container]",
    "Volume": "1 name string",
    "Container": "1 name string; 2 image string; 3 command [string]; 4 args [string]; 5 workingDir string;"
    "6 ports [ContainerPort]; 7 env [EnvVar]; 9 volumeMounts [VolumeMount]; 14 imagePullPolicy string; 16 stdin bool;"
    "17 stdinOnce bool; 18 tty bool",
    "ContainerPort": "1 name string; 2 hostPort int; 3 containerPort int; 4 protocol string; 5 hostIP string",
    "VolumeMount": "1 name string; 2 readOnly bool; 3 mountPath string",
    "EnvVar": "1 name string; 2 value string; 3 valueFrom EnvVarSource",
    "EnvVarSource": "3 configMapKeyRef KeySelector; 4 secretKeyRef KeySelector",
    "KeySelector": "1 _reference LocalObjectReference; 2 key string; 3 optional bool",
    "PodStatus": "1 phase string; 2 conditions [PodCondition]; 5 hostIP string; 6 podIP string; 7 startTime time;"
    "8 containerStatuses [ContainerStatus]; 9 qosClass string",
    "PodCondition": "1 type string; 2 status string; 4 lastTransitionTime time; 5 reason string; 6 message string",
    "ContainerStatus": "1 name string; 2 state ContainerState; 4 ready bool; 5 restartCount int; 6 image string;"
    "7 imageID string; 8 containerID string; 9 started bool",
    "ContainerState": "2 running Running; 3 terminated Terminated",
    "Running": "1 startedAt time",
    "Terminated": "1 exitCode int; 3 reason string",
    "Service": "1 metadata ObjectMeta; 2 spec ServiceSpec",
    "ServiceSpec": "1 ports [ServicePort]; 2 selector map:string; 3 clusterIP string; 4 type string;"
    "7 sessionAffinity string",
    "ServicePort": "1 name string; 2 protocol string; 3 port int; 4 targetPort intstr; 5 nodePort int",
    "PolicyRule": "1 verbs [string]; 2 apiGroups [string]; 3 resources [string]; 4 resourceNames [string];"
    "5 nonResourceURLs [string]",
    "Role": "1 metadata ObjectMeta; 2 rules [PolicyRule]",
    "ClusterRole": "1 metadata ObjectMeta; 2 rules [PolicyRule]",
    "Subject": "1 kind string; 2 apiGroup string; 3 name string; 4 namespace string",
    "RoleRef": "1 apiGroup string; 2 kind string; 3 name string",
    "RoleBinding": "1 metadata ObjectMeta; 2 subjects [Subject]; 3 roleRef RoleRef",
    "ClusterRoleBinding": "1 metadata ObjectMeta; 2 subjects [Subject]; 3 roleRef RoleRef",
    "TokenRequest": "1 metadata ObjectMeta; 2 spec TokenRequestSpec; 3 status TokenRequestStatus",
    "TokenRequestSpec": "1 audiences [string]; 4 expirationSeconds int",
    "TokenRequestStatus": "1 token string; 2 expirationTimestamp time",
    "SelfSubjectReview": "1 metadata ObjectMeta; 2 status SelfSubjectReviewStatus",
    "SelfSubjectReviewStatus": "1 userInfo UserInfo",
    "UserInfo": "1 username string; 2 uid string; 3 groups [string]",
    "ResourceAttributes": "1 namespace string; 2 verb string; 3 group string; 4 version string; 5 resource string;"
    "6 subresource string; 7 name string",
    "NonResourceAttributes": "1 path string; 2 verb string",
    "SelfSubjectAccessReview": "1 metadata ObjectMeta; 2 spec AccessReviewSpec; 3 status AccessReviewStatus",
    "AccessReviewSpec": "1 resourceAttributes ResourceAttributes; 2 nonResourceAttributes NonResourceAttributes",
    "AccessReviewStatus": "1 allowed bool; 2 reason string; 3 evaluationError string; 4 denied bool",
    "SelfSubjectRulesReview": "1 metadata ObjectMeta; 2 spec RulesReviewSpec; 3 status RulesReviewStatus",
    "RulesReviewSpec": "1 namespace string",
    "RulesReviewStatus": "1 resourceRules [PolicyRule]; 2 nonResourceRules [PathRule]; 3 incomplete bool",
    "PathRule": "1 verbs [string]; 2 nonResourceURLs [string]",
    "Job": "1 metadata ObjectMeta; 2 spec JobSpec; 3 status JobStatus",
    "JobSpec": "1 parallelism int; 2 completions int; 6 template PodTemplateSpec; 7 backoffLimit int",
    "JobStatus": "1 conditions [PodCondition]; 2 startTime time; 3 completionTime time; 4 active int; 5 succeeded int",
    "Eviction": "1 metadata ObjectMeta; 2 deleteOptions DeleteOptions",
    "DeleteOptions": "1 gracePeriodSeconds int; 2 preconditions Preconditions; 4 propagationPolicy string;"
    "5 dryRun [string]",
    "Preconditions": "1 uid string; 2 resourceVersion string",
    "Status": "1 metadata ListMeta; 2 status string; 3 message string; 4 reason string; 5 details Details; 6 code int",
    "Details": "1 name string; 2 group string; 3 kind string; 4 causes [Cause]; 5 retryAfterSeconds int; 6 uid string",
    "Cause": "1 reason string; 2 message string; 3 field string",
    "Event": "1 metadata ObjectMeta; 2 involvedObject ObjectReference; 3 reason string; 4 message string;"
    "6 firstTimestamp time; 7 lastTimestamp time; 8 count int; 9 type string",
    "HorizontalPodAutoscaler": "1 metadata ObjectMeta; 2 spec HpaSpec",
    "HpaSpec": "1 scaleTargetRef HpaTarget; 2 minReplicas int; 3 maxReplicas int",
    "HpaTarget": "1 kind string; 2 name string; 3 apiVersion string",
}
MESSAGES: dict[str, Message] = {name: _message(text) for name, text in _TEXTS.items()}
