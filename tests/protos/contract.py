"""The wire contract as tables.

They are written out here a second time on purpose: a slip in a .proto file is not repeated.
"""

from protos import aggregator_pb2, base_pb2, director_pb2

# "number: name type", "*" for repeated; any other type is a message or an enum.
BASE = {
    "ModelProto": "1: tensors *NamedTensor",
    "NamedTensor": (
        "1: name str · 2: round_number i32 · 3: lossless bool · 4: report bool · 5: tags *str"
        " · 6: transformer_metadata *MetadataProto · 7: data_bytes bytes"
    ),
    "MetadataProto": ("1: int_to_float map<i32,f32> · 2: int_list *i32 · 3: bool_list *bool"),
    "DataStream": "1: size u32 · 2: npbytes bytes",
    "CollaboratorDescription": (
        "1: name str · 2: status str · 3: progress f32 · 4: round u32 · 5: current_task str"
        " · 6: next_task str"
    ),
    "TaskDescription": "1: name str · 2: description str",
    "DownloadStatus": "1: name str · 2: status str",
    "DownloadStatuses": "1: models *DownloadStatus · 2: logs *DownloadStatus",
    "ExperimentDescription": (
        "1: name str · 2: status str · 3: progress f32 · 4: total_rounds u32"
        " · 5: current_round u32 · 6: download_statuses DownloadStatuses"
        " · 7: collaborators *CollaboratorDescription · 8: tasks *TaskDescription"
    ),
}

DIRECTOR = {
    "CudaDeviceInfo": (
        "1: index u64 · 2: memory_total u64 · 3: memory_utilized u64"
        " · 4: device_utilization str · 5: cuda_driver_version str · 6: cuda_version str"
        " · 7: name str"
    ),
    "NodeInfo": "1: name str · 2: cuda_devices *openfl.director.CudaDeviceInfo",
    "ShardInfo": (
        "1: node_info openfl.director.NodeInfo · 2: shard_description str · 3: n_samples u64"
        " · 4: sample_shape *str · 5: target_shape *str"
    ),
    "UpdateShardInfoRequest": "1: shard_info openfl.director.ShardInfo",
    "UpdateShardInfoResponse": "1: accepted bool",
    "WaitExperimentRequest": "1: collaborator_name str",
    "WaitExperimentResponse": "1: experiment_name str",
    "GetExperimentDataRequest": "1: experiment_name str · 2: collaborator_name str",
    "ExperimentData": "1: size u32 · 2: npbytes bytes",
    "UpdateEnvoyStatusRequest": (
        "1: name str · 2: is_experiment_running bool"
        " · 3: cuda_devices *openfl.director.CudaDeviceInfo"
    ),
    "UpdateEnvoyStatusResponse": "1: health_check_period google.protobuf.Duration",
    "SetExperimentFailedRequest": (
        "1: experiment_name str · 2: collaborator_name str · 3: error_code u32"
        " · 4: error_description str"
    ),
    "SetExperimentFailedResponse": "",
    "GetExperimentsListRequest": "",
    "GetDatasetInfoRequest": "",
    "GetEnvoysRequest": "",
    "ExperimentListItem": (
        "1: name str · 2: status str · 3: collaborators_amount u32 · 4: tasks_amount u32"
        " · 5: progress f32"
    ),
    "GetExperimentsListResponse": "1: experiments *openfl.director.ExperimentListItem",
    "GetExperimentDescriptionRequest": "1: name str",
    "GetExperimentDescriptionResponse": "1: experiment ExperimentDescription",
    "ExperimentInfo": (
        "1: name str · 2: collaborator_names *str"
        " · 3: experiment_data openfl.director.ExperimentData · 4: model_proto ModelProto"
    ),
    "SetNewExperimentResponse": "1: accepted bool",
    "GetExperimentStatusRequest": "1: experiment_name str",
    "GetExperimentStatusResponse": "1: experiment_status str",
    "GetTrainedModelRequest": (
        "2: experiment_name str · 3: model_type openfl.director.GetTrainedModelRequest.ModelType"
    ),
    "TrainedModelResponse": "1: model_proto ModelProto",
    "GetDatasetInfoResponse": "1: shard_info openfl.director.ShardInfo",
    "GetMetricStreamRequest": "1: experiment_name str",
    "GetMetricStreamResponse": (
        "1: metric_origin str · 2: task_name str · 3: metric_name str · 4: metric_value f32"
        " · 5: round u32"
    ),
    "RemoveExperimentRequest": "1: experiment_name str",
    "RemoveExperimentResponse": "1: acknowledgement bool",
    "EnvoyInfo": (
        "1: shard_info openfl.director.ShardInfo · 2: is_online bool"
        " · 3: is_experiment_running bool · 4: last_updated google.protobuf.Timestamp"
        " · 5: valid_duration google.protobuf.Duration · 6: experiment_name str"
    ),
    "GetEnvoysResponse": "1: envoy_infos *openfl.director.EnvoyInfo",
}

AGGREGATOR = {
    "MessageHeader": (
        "1: sender str · 2: receiver str · 3: federation_uuid str"
        " · 4: single_col_cert_common_name str"
    ),
    "GetTasksRequest": "1: header openfl.aggregator.MessageHeader",
    "Task": "1: name str · 2: function_name str · 3: task_type str · 4: apply_local bool",
    "GetTasksResponse": (
        "1: header openfl.aggregator.MessageHeader · 2: round_number i32"
        " · 3: tasks *openfl.aggregator.Task · 4: sleep_time i32 · 5: quit bool"
    ),
    "GetAggregatedTensorRequest": (
        "1: header openfl.aggregator.MessageHeader · 2: tensor_name str · 3: round_number i32"
        " · 4: report bool · 5: tags *str · 6: require_lossless bool"
    ),
    "GetAggregatedTensorResponse": (
        "1: header openfl.aggregator.MessageHeader · 2: round_number i32 · 3: tensor NamedTensor"
    ),
    "TaskResults": (
        "1: header openfl.aggregator.MessageHeader · 2: round_number i32 · 3: task_name str"
        " · 4: data_size i32 · 5: tensors *NamedTensor"
    ),
    "SendLocalTaskResultsResponse": "1: header openfl.aggregator.MessageHeader",
    "GetMetricStreamRequest": "1: experiment_name str",
    "GetMetricStreamResponse": (
        "1: metric_origin str · 2: task_name str · 3: metric_name str · 4: metric_value f32"
        " · 5: round u32"
    ),
    "GetTrainedModelRequest": (
        "2: experiment_name str · 3: model_type openfl.aggregator.GetTrainedModelRequest.ModelType"
    ),
    "TrainedModelResponse": "1: model_proto ModelProto",
    "GetExperimentDescriptionRequest": "1: name str",
    "GetExperimentDescriptionResponse": "1: experiment ExperimentDescription",
}

FILES = {
    "base": (base_pb2.DESCRIPTOR, "", BASE),
    "director": (director_pb2.DESCRIPTOR, "openfl.director", DIRECTOR),
    "aggregator": (aggregator_pb2.DESCRIPTOR, "openfl.aggregator", AGGREGATOR),
}

# RPC: request → response, "stream" where there are many.
DIRECTOR_RPCS = {
    "UpdateShardInfo": "UpdateShardInfoRequest → UpdateShardInfoResponse",
    "WaitExperiment": "WaitExperimentRequest → WaitExperimentResponse",
    "GetExperimentData": "GetExperimentDataRequest → stream ExperimentData",
    "UpdateEnvoyStatus": "UpdateEnvoyStatusRequest → UpdateEnvoyStatusResponse",
    "SetExperimentFailed": "SetExperimentFailedRequest → SetExperimentFailedResponse",
    "SetNewExperiment": "stream ExperimentInfo → SetNewExperimentResponse",
    "GetExperimentStatus": "GetExperimentStatusRequest → GetExperimentStatusResponse",
    "GetExperimentDescription": (
        "GetExperimentDescriptionRequest → GetExperimentDescriptionResponse"
    ),
    "GetExperimentsList": "GetExperimentsListRequest → GetExperimentsListResponse",
    "GetDatasetInfo": "GetDatasetInfoRequest → GetDatasetInfoResponse",
    "GetTrainedModel": "GetTrainedModelRequest → TrainedModelResponse",
    "GetMetricStream": "GetMetricStreamRequest → stream GetMetricStreamResponse",
    "RemoveExperimentData": "RemoveExperimentRequest → RemoveExperimentResponse",
    "GetEnvoys": "GetEnvoysRequest → GetEnvoysResponse",
}

AGGREGATOR_RPCS = {
    "GetTasks": "GetTasksRequest → GetTasksResponse",
    "GetAggregatedTensor": "GetAggregatedTensorRequest → GetAggregatedTensorResponse",
    "SendLocalTaskResults": "stream .DataStream → SendLocalTaskResultsResponse",
    "GetMetricStream": "GetMetricStreamRequest → stream GetMetricStreamResponse",
    "GetTrainedModel": "GetTrainedModelRequest → TrainedModelResponse",
    "GetExperimentDescription": (
        "GetExperimentDescriptionRequest → GetExperimentDescriptionResponse"
    ),
}
