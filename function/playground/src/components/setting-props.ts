/** What every input of the form takes. */
export interface SettingProps {
  label: string;
  value: string;
  error?: string | undefined;
  onChange(value: string): void;
}
