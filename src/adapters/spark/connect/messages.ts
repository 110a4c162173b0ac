/*
 * Messages of the protocol as they are sent and received: names as in proto/spark-connect.proto, 64-bit numbers as text, and
 * beside each `oneof` the name of the field that is set.
 */

export interface Plan {
  readonly root?: Relation
  readonly command?: Command
}

/** What a query reads, as a tree; one field is set. */
export interface Relation {
  readonly read?: Read
  readonly project?: { readonly input: Relation; readonly expressions: readonly Expression[] }
  readonly filter?: { readonly input: Relation; readonly condition: Expression }
  readonly set_op?: SetOperation
  readonly sort?: { readonly input: Relation; readonly order: readonly SortOrder[]; readonly is_global?: boolean }
  readonly limit?: { readonly input: Relation; readonly limit: number }
  readonly aggregate?: Aggregate
  readonly sql?: { readonly query: string; readonly pos_arguments?: readonly Expression[] }
  readonly local_relation?: { readonly data?: Uint8Array; readonly schema?: string }
  readonly deduplicate?: Deduplicate
  readonly range?: {
    readonly start?: string
    readonly end: string
    readonly step: string
    readonly num_partitions?: number
  }
  readonly subquery_alias?: { readonly input: Relation; readonly alias: string }
  readonly repartition?: { readonly input: Relation; readonly num_partitions: number; readonly shuffle?: boolean }
  readonly drop?: { readonly input: Relation; readonly column_names: readonly string[] }
  readonly with_columns?: { readonly input: Relation; readonly aliases: readonly Alias[] }
  readonly with_watermark?: { readonly input: Relation; readonly event_time: string; readonly delay_threshold: string }
}

interface Read {
  readonly named_table?: { readonly unparsed_identifier: string; readonly options?: Options }
  readonly data_source?: { readonly format: string; readonly schema?: string; readonly options?: Options }
  readonly is_streaming?: boolean
}

interface SetOperation {
  readonly left_input: Relation
  readonly right_input: Relation
  readonly set_op_type: 'SET_OP_TYPE_INTERSECT' | 'SET_OP_TYPE_UNION' | 'SET_OP_TYPE_EXCEPT'
  readonly is_all?: boolean
  readonly by_name?: boolean
}

interface Aggregate {
  readonly input: Relation
  readonly group_type: 'GROUP_TYPE_GROUPBY'
  readonly grouping_expressions: readonly Expression[]
  readonly aggregate_expressions: readonly Expression[]
}

interface Deduplicate {
  readonly input: Relation
  readonly column_names: readonly string[]
  readonly within_watermark?: boolean
}

/** One field is set. */
export interface Expression {
  readonly literal?: Literal
  readonly unresolved_attribute?: { readonly unparsed_identifier: string }
  readonly unresolved_function?: { readonly function_name: string; readonly arguments: readonly Expression[] }
  /** Spark SQL. */
  readonly expression_string?: { readonly expression: string }
  readonly unresolved_star?: Record<string, never>
  readonly alias?: Alias
}

/** One field is set. */
export interface Literal {
  readonly null?: DataType
  readonly binary?: Uint8Array
  readonly boolean?: boolean
  readonly integer?: number
  readonly long?: string
  readonly double?: number
  readonly string?: string
  /** Microseconds since 1970 UTC. */
  readonly timestamp?: string
}

interface Alias {
  readonly expr: Expression
  readonly name: readonly string[]
}

interface SortOrder {
  readonly child: Expression
  readonly direction: 'SORT_DIRECTION_ASCENDING' | 'SORT_DIRECTION_DESCENDING'
  readonly null_ordering: 'SORT_NULLS_FIRST' | 'SORT_NULLS_LAST'
}

/** A type of Spark: the field named by `kind` is set. */
export interface DataType {
  readonly kind: string
  readonly decimal?: { readonly precision: number; readonly scale: number }
  readonly array?: { readonly element_type: DataType; readonly contains_null: boolean }
  readonly map?: { readonly key_type: DataType; readonly value_type: DataType }
  readonly struct?: { readonly fields: readonly StructField[] }
}

export interface StructField {
  readonly name: string
  readonly data_type: DataType
  readonly nullable: boolean
}

export type Options = { readonly [name: string]: string }

/** One field is set. */
export interface Command {
  readonly register_function?: {
    readonly function_name: string
    readonly java_udf: {
      readonly class_name: string
      readonly output_type: { readonly unparsed: { readonly data_type_string: string } }
    }
  }
  readonly create_dataframe_view?: { readonly input: Relation; readonly name: string; readonly replace: boolean }
  readonly sql_command?: { readonly input: Relation }
  readonly write_stream_operation_start?: StreamStart
  readonly streaming_query_command?: QueryCommand
  readonly streaming_query_manager_command?: { readonly active: true } | { readonly get_query: string }
  readonly streaming_query_listener_bus_command?:
    | { readonly add_listener_bus_listener: true }
    | { readonly remove_listener_bus_listener: true }
}

/** A streaming query as it is to be started; at most one trigger and one destination are set. */
export interface StreamStart {
  readonly input: Relation
  /** Of the sink, such as `kafka`. */
  readonly format: string
  readonly options?: Options
  /** Such as `1 second`; `0 seconds` for as soon as the last batch is done, which is the default. */
  readonly processing_time_interval?: string
  /** Stops when what is there now has been processed. */
  readonly available_now?: true
  /** Such as `5 minutes`: real-time mode, with a checkpoint that often. */
  readonly real_time_batch_duration?: string
  readonly output_mode: 'append' | 'update' | 'complete'
  readonly query_name?: string
  readonly table_name?: string
}

/** A query, which keeps its id with its checkpoint, and one run of it. */
export interface QueryInstance {
  readonly id: string
  readonly run_id: string
}

export interface QueryCommand {
  readonly query_id: QueryInstance
  readonly status?: true
  readonly last_progress?: true
  readonly recent_progress?: true
  readonly stop?: true
  readonly process_all_available?: true
  readonly explain?: { readonly extended: boolean }
  readonly exception?: true
  readonly await_termination?: { readonly timeout_ms: string }
}

/** The field named by `response_type` is set. */
export interface ExecuteResponse {
  readonly server_side_session_id: string
  readonly operation_id: string
  readonly response_id: string
  /** Undefined where the response has a schema only, or something this client does not use. */
  readonly response_type?: string
  readonly arrow_batch?: { readonly row_count: string; readonly data: Uint8Array; readonly start_offset?: string }
  readonly sql_command_result?: { readonly relation: Relation }
  readonly write_stream_operation_start_result?: {
    readonly query_id: QueryInstance
    readonly name: string
    readonly query_started_event_json?: string
  }
  readonly streaming_query_command_result?: QueryResult
  readonly streaming_query_manager_command_result?: {
    readonly active?: { readonly active_queries: readonly NamedQuery[] }
    readonly query?: NamedQuery
  }
  readonly streaming_query_listener_events_result?: {
    readonly events: readonly { readonly event_json: string; readonly event_type: string }[]
    readonly listener_bus_listener_added?: boolean
  }
  readonly schema: DataType | null
}

export interface NamedQuery {
  readonly id: QueryInstance
  readonly name?: string
}

export interface QueryResult {
  readonly status?: {
    readonly status_message: string
    readonly is_data_available: boolean
    readonly is_trigger_active: boolean
    readonly is_active: boolean
  }
  readonly recent_progress?: { readonly recent_progress_json: readonly string[] }
  readonly explain?: { readonly result: string }
  readonly exception?: {
    readonly exception_message?: string
    readonly error_class?: string
    readonly stack_trace?: string
  }
  readonly await_termination?: { readonly terminated: boolean }
}

export interface Settings {
  readonly pairs: readonly { readonly key: string; readonly value?: string }[]
}

export interface Analysis {
  readonly schema?: { readonly schema: DataType }
  readonly explain?: { readonly explain_string: string }
  readonly spark_version?: { readonly version: string }
}

export interface UploadSummary {
  readonly artifacts: readonly { readonly name: string; readonly is_crc_successful: boolean }[]
}

export interface ErrorDetails {
  readonly root_error_idx?: number
  readonly errors: readonly ErrorDetail[]
}

export interface ErrorDetail {
  readonly error_type_hierarchy: readonly string[]
  readonly message: string
  readonly cause_idx?: number
  readonly spark_throwable: {
    readonly error_class?: string
    readonly sql_state?: string
    readonly message_parameters: { readonly [name: string]: string }
  } | null
}

/** What each call is answered with. */
export interface Answers {
  readonly AnalyzePlan: Analysis
  readonly Config: Settings
  readonly Interrupt: { readonly interrupted_ids: readonly string[] }
  readonly ReleaseExecute: object
  readonly ReleaseSession: object
  readonly FetchErrorDetails: ErrorDetails
}
