import { RetentionDays } from 'aws-cdk-lib/aws-logs';

const CHOICES = Object.values(RetentionDays)
  .filter((value) => typeof value === 'number')
  .filter((days) => days !== RetentionDays.INFINITE)
  .sort((a, b) => a - b);

/** The shortest time CloudWatch offers that is at least so many days. */
export function logRetention(days: number): RetentionDays {
  return CHOICES.find((choice) => choice >= days) ?? RetentionDays.TEN_YEARS;
}
