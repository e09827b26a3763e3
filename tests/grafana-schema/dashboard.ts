// What a file in grafana/dashboards may be: Grafana's own types, as JSON writes them.
import type { AnnotationQuery, Dashboard as Any, DataQuery, Panel as AnyPanel, FieldConfigSource } from "@grafana/schema";
import type * as heatmap from "@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen";
import type * as stateTimeline from "@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as table from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type * as timeseries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

/** A type as it stands in JSON, where an enum is one of its words. */
type Json<T> =
  T extends string ? `${T}`
  : T extends number | boolean | null | undefined ? T
  : T extends readonly (infer Item)[] ? Json<Item>[]
  : T extends object ? { [Key in keyof T]: Json<T[Key]> }
  : T;

/** A query as Grafana's Prometheus data source reads it; the package has only what all data sources share. */
interface Query extends DataQuery {
  datasource: { type: "prometheus"; uid: string };
  expr: string;
  editorMode: "code" | "builder";
  legendFormat?: string;
  format?: "time_series" | "table" | "heatmap";
  range?: boolean;
  instant?: boolean;
  exemplar?: boolean;
  interval?: string;
}

/** An annotation, likewise: Grafana 9.5 has query and step beside the target, later ones in it. */
interface Annotation extends AnnotationQuery<DataQuery & { expr: string; interval?: string }> {
  expr: string;
  step?: string;
  titleFormat?: string;
  textFormat?: string;
  tagKeys?: string;
}

/** A panel of one kind. Options that are left out are the kind's defaults; Grafana's `custom` would let any field in. */
type Panel<Type extends string, Options, Custom> = Omit<AnyPanel, "type" | "options" | "fieldConfig" | "targets"> & {
  type: Type;
  options: Partial<Options>;
  targets: Query[];
  fieldConfig: Omit<FieldConfigSource, "defaults"> & {
    defaults: Omit<FieldConfigSource["defaults"], "custom"> & { custom?: Partial<Custom> };
  };
};

/** The kinds of panels in use, or likely to be; another one needs a line here. */
type Panels =
  | Panel<"heatmap", heatmap.Options, heatmap.FieldConfig>
  | Panel<"stat", stat.Options, Record<string, never>>
  | Panel<"state-timeline", stateTimeline.Options, stateTimeline.FieldConfig>
  | Panel<"table", table.Options, table.FieldConfig>
  | Panel<"timeseries", timeseries.Options, timeseries.FieldConfig>;

export type Dashboard = Json<
  Omit<Any, "panels" | "annotations"> & { panels: Panels[]; annotations: { list: Annotation[] } }
>;
